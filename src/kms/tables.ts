import type { AnyTable } from '../state/state.ts';
import { aliases } from './aliases/model.ts';
import { grants } from './grants/model.ts';
import { keys } from './keys/model.ts';

export const kmsTables: readonly AnyTable[] = [keys, aliases, grants];
