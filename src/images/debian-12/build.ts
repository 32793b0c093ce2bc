import { ImageError, type Progress } from '../types.ts';
export async function buildDebian12(_staging: string, _onProgress: Progress): Promise<{ disk: string; name: string }> {
  throw new ImageError('not yet');
}
