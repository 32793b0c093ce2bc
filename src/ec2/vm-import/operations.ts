import type { AnyOperation } from '../../api/operation.ts';
import { exportOperations } from './export-image.ts';
import { importImage } from './import-image.ts';
import { importSnapshot } from './import-snapshot.ts';
import { storeImageOperations } from './store-image.ts';
import { importTaskOperations } from './tasks.ts';

export const vmImportOperations: readonly AnyOperation[] = [
  importImage,
  importSnapshot,
  ...importTaskOperations,
  ...exportOperations,
  ...storeImageOperations,
];
