import { ImageError, type ImageManifest } from './types.ts';

/** What is known of a family's AMIs before there is one. */
export type ManifestDefaults = Omit<ImageManifest, 'name' | 'family' | 'file' | 'sha256' | 'recipe'>;

/** Built here from Debian packages. */
export interface BuiltEntry {
  family: string;
  source: 'built';
  /** Whose AMI it is: the account that the vendor publishes from on AWS, or `amazon`-like for Fogbank's own. */
  vendor: string;
  ownerId: string;
  manifest: ManifestDefaults;
}

/** Downloaded from the vendor. */
export interface PulledEntry {
  family: string;
  source: 'pulled';
  vendor: string;
  ownerId: string;
  manifest: ManifestDefaults;
  /** Folder with the image and the checksums; a redirect to a folder with a version in its name is followed. */
  url: string;
  /** File in that folder with lines `SHA-256  FILE`. */
  checksums: string;
  /** Finds the image's file name in the checksums; its first group, if any, is the version. */
  filePattern: RegExp;
  /** AMI name on AWS, made of the version in the file name and the day (`20261123`) when the vendor made the file. */
  amiName: (version: string, day: string) => string;
}

export type CatalogueEntry = BuiltEntry | PulledEntry;

const debianAliases = (release: string): string[] => [`/aws/service/debian/release/${release}/latest/amd64`];

const ubuntuAliases = (version: string, storage: string): string[] => [
  `/aws/service/canonical/ubuntu/server/${version}/stable/current/amd64/hvm/${storage}/ami-id`,
];

const ubuntu = (version: string, codename: string, storage: string): PulledEntry => ({
  family: `ubuntu-${version}`,
  source: 'pulled',
  vendor: 'Canonical',
  ownerId: '099720109477',
  url: `https://cloud-images.ubuntu.com/releases/${codename}/release/`,
  checksums: 'SHA256SUMS',
  filePattern: new RegExp(`^ubuntu-${version.replace('.', '\\.')}-server-cloudimg-amd64\\.img$`),
  amiName: (_version, day) =>
    `ubuntu/images/hvm-${storage.replace('ebs', 'ssd')}/ubuntu-${codename}-${version}-amd64-server-${day}`,
  manifest: {
    description: `Canonical, Ubuntu, ${version}, amd64 ${codename} image`,
    architecture: 'x86_64',
    loginUser: 'ubuntu',
    rootDeviceName: '/dev/sda1',
    // The image boots with UEFI too; without, the machine starts in half the time.
    bootMode: 'legacy-bios',
    sizeGib: 8,
    ssmAliases: [...ubuntuAliases(version, storage), ...ubuntuAliases(codename, storage)],
  },
});

const amazonLinuxAliases = ['kernel-default', 'kernel-6.1'].map(
  kernel => `/aws/service/ami-amazon-linux-latest/al2023-ami-${kernel}-x86_64`,
);

/** Every family of AMIs that can be had, built or downloaded. */
export const catalogue: readonly CatalogueEntry[] = [
  {
    family: 'micro',
    source: 'built',
    vendor: 'Fogbank',
    ownerId: '137112412989',
    manifest: {
      description: 'Fogbank micro: Debian cloud kernel, busybox, dropbear; starts within seconds without KVM',
      architecture: 'x86_64',
      loginUser: 'ec2-user',
      rootDeviceName: '/dev/xvda',
      bootMode: 'legacy-bios',
      imdsSupport: 'v2.0',
      fastStart: true,
      sizeGib: 1,
      ssmAliases: ['/aws/service/fogbank/micro/latest/amd64'],
    },
  },
  {
    family: 'debian-12',
    source: 'built',
    vendor: 'Debian',
    ownerId: '136693071363',
    manifest: {
      description: 'Debian 12 (bookworm) with cloud-init',
      architecture: 'x86_64',
      loginUser: 'admin',
      rootDeviceName: '/dev/xvda',
      bootMode: 'legacy-bios',
      fastStart: true,
      sizeGib: 8,
      ssmAliases: [...debianAliases('12'), ...debianAliases('bookworm')],
    },
  },
  ubuntu('24.04', 'noble', 'ebs-gp3'),
  ubuntu('22.04', 'jammy', 'ebs-gp2'),
  {
    family: 'al2023',
    source: 'pulled',
    vendor: 'Amazon',
    ownerId: '137112412989',
    url: 'https://cdn.amazonlinux.com/al2023/os-images/latest/kvm/',
    checksums: 'SHA256SUMS',
    filePattern: /^al2023-kvm-([0-9.]+)-kernel-6\.1-x86_64\.xfs\.gpt\.qcow2$/,
    amiName: version => `al2023-ami-${version}-kernel-6.1-x86_64`,
    manifest: {
      description: 'Amazon Linux 2023 x86_64 HVM kernel-6.1',
      architecture: 'x86_64',
      loginUser: 'ec2-user',
      rootDeviceName: '/dev/xvda',
      bootMode: 'legacy-bios',
      imdsSupport: 'v2.0',
      sizeGib: 25,
      ssmAliases: amazonLinuxAliases,
    },
  },
];

/** @throws ImageError naming the families when there is no such one. */
export function catalogueEntry(family: string): CatalogueEntry {
  const entry = catalogue.find(candidate => candidate.family === family);
  if (entry) return entry;
  throw new ImageError(`there is no image family '${family}'; there are ${catalogue.map(e => e.family).join(', ')}`);
}
