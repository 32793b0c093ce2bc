import { ApiError } from '../../api/errors.ts';

/** How a volume's blocks are kept: see `VolumeRow`. */
export interface VolumeEncryption {
  readonly encrypted: boolean;
  readonly kmsKeyId?: string;
  readonly wrappedKey?: string;
}

/** @throws ApiError `UnsupportedOperation` when a request asks for encryption. */
export function requestedEncryption(request: {
  readonly Encrypted?: boolean | undefined;
  readonly KmsKeyId?: string | undefined;
}): VolumeEncryption {
  if (request.Encrypted === true || request.KmsKeyId !== undefined) {
    throw new ApiError(
      'UnsupportedOperation',
      'Encrypted volumes are not supported yet. Leave out Encrypted and KmsKeyId.',
    );
  }
  return { encrypted: false };
}
