import { mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';

/*
 * Buckets are folders of the data folder: `buckets/BUCKET/KEY`. CloudTrail and flow logs write there, too. There is no
 * S3 before them, so names that come with a request are checked here: none of them leads out of its bucket.
 */

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html */
export function isBucketName(name: string): boolean {
  return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) && !name.includes('..') && !/^\d+\.\d+\.\d+\.\d+$/.test(name);
}

/** Whether a key can be the name of a file: S3 allows more. */
export function isObjectKey(key: string): boolean {
  if (Buffer.byteLength(key) > 1024 || key.includes('\0')) return false;
  return key.split('/').every(part => part !== '' && part !== '.' && part !== '..' && Buffer.byteLength(part) <= 255);
}

/** An object that is not there; the message is meant for the user. */
export class ObjectError extends Error {}

/**
 * The file of an object that exists, and its size. @param folder of all buckets @throws ObjectError
 */
export async function objectFile(
  folder: string,
  bucket: string,
  key: string,
): Promise<{ readonly file: string; readonly bytes: number }> {
  if (!isBucketName(bucket) || !isObjectKey(key))
    throw new ObjectError(`s3://${bucket}/${key} is no name of an object`);
  const missing = () => new ObjectError(`there is no object s3://${bucket}/${key}`);
  const root = await realpath(join(folder, bucket)).catch(() => {
    throw new ObjectError(`there is no bucket ${bucket}`);
  });
  const file = await realpath(join(root, key)).catch(() => {
    throw missing();
  });
  // A link that leads elsewhere is not in the bucket.
  if (!file.startsWith(`${root}${sep}`)) throw missing();
  const found = await stat(file);
  if (!found.isFile()) throw missing();
  return { file, bytes: found.size };
}

/** Where an object is to be written; its folder is there then. */
export async function newObjectFile(folder: string, bucket: string, key: string): Promise<string> {
  if (!isBucketName(bucket) || !isObjectKey(key))
    throw new ObjectError(`s3://${bucket}/${key} is no name of an object`);
  const root = join(folder, bucket);
  await mkdir(root, { recursive: true, mode: 0o700 });
  const file = join(root, key);
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  if (!`${await realpath(dirname(file))}${sep}`.startsWith(`${await realpath(root)}${sep}`))
    throw new ObjectError(`s3://${bucket}/${key} is not in its bucket`);
  return file;
}
