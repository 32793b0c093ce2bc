/**
 * What is known of an AMI that lies in the image cache, written beside its disk as `<slug>.json`.
 * The server registers every manifest as a public AMI.
 */
export interface ImageManifest {
  /** AMI name, e.g. `fogbank-micro-20261123`. Its date comes from the packages, so equal inputs give equal names. */
  name: string;
  /** Key in the catalogue: `micro`, `debian-12`, `ubuntu-24.04`, `al2023` … */
  family: string;
  description: string;
  architecture: 'x86_64';
  /** The user whose `authorized_keys` receives the instance's key pair. */
  loginUser: string;
  rootDeviceName: string;
  bootMode: 'legacy-bios' | 'uefi' | 'uefi-preferred';
  /** As `RegisterImage`'s `ImdsSupport`: instances default to required tokens and a hop limit of 2. */
  imdsSupport?: 'v2.0';
  /** Its guest can be frozen before it takes an identity, and copies of it become instances of their own. */
  fastStart?: true;
  /** GiB that a volume made from this image needs at least. */
  sizeGib: number;
  /** qcow2 file name in the cache directory; it contains part of its own hash, so its content never changes. */
  file: string;
  /** SHA-256 of `file`, hex. */
  sha256: string;
  /** Hash of everything that the build depends on; another one means that the image is out of date. */
  recipe: string;
  /** Public SSM parameter names that resolve to this AMI. */
  ssmAliases: string[];
}

/** Receives a line for the user and, where the length of the work is known, how much is done (0 to 1). */
export type Progress = (line: string, fraction?: number) => void;

/** An image that could not be built or downloaded; the message is meant for the user. */
export class ImageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ImageError';
  }
}
