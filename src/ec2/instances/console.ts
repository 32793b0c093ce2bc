import type {
  GetConsoleOutputRequest,
  GetConsoleOutputResult,
  GetConsoleScreenshotRequest,
  GetConsoleScreenshotResult,
} from '@aws-sdk/client-ec2';
import { arn } from '../../api/arn.ts';
import { ApiError } from '../../api/errors.ts';
import { findById, idKinds } from '../../api/ids.ts';
import { readOperation } from '../../api/operation.ts';
import { EngineError } from '../../engine/engine.ts';
import { encodeJpeg } from './jpeg.ts';
import { instances } from './model.ts';

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleOutput.html */
export const getConsoleOutput = readOperation<GetConsoleOutputRequest, GetConsoleOutputResult>({
  service: 'ec2',
  name: 'GetConsoleOutput',
  resources: (input, context) => [arn(context, 'instance', input.InstanceId ?? '*')],
  run: async (input, context) => {
    const row = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    const { engine } = context.services;
    const bytes =
      engine.capabilities.consoleOutput && row.state !== 'terminated'
        ? await engine.machines.consoleOutput(row.instanceId)
        : new Uint8Array();
    return {
      InstanceId: row.instanceId,
      Timestamp: new Date(context.now),
      Output: bytes.length === 0 ? undefined : Buffer.from(bytes).toString('base64'),
    };
  },
});

/** @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetConsoleScreenshot.html */
export const getConsoleScreenshot = readOperation<GetConsoleScreenshotRequest, GetConsoleScreenshotResult>({
  service: 'ec2',
  name: 'GetConsoleScreenshot',
  resources: (input, context) => [arn(context, 'instance', input.InstanceId ?? '*')],
  run: async (input, context) => {
    const row = findById(context, instances, idKinds.instance, input.InstanceId ?? '');
    const { engine } = context.services;
    if (!engine.capabilities.screenshot) {
      throw new ApiError(
        'UnsupportedOperation',
        `The ${engine.name} engine has no screens. Start the server with --engine qemu.`,
      );
    }
    if (row.state !== 'running') {
      throw new ApiError(
        'IncorrectInstanceState',
        `The instance '${row.instanceId}' is ${row.state}; a screenshot needs it running.`,
      );
    }
    try {
      const screen = await engine.machines.screenshot(row.instanceId);
      return { InstanceId: row.instanceId, ImageData: Buffer.from(encodeJpeg(screen, 85)).toString('base64') };
    } catch (error) {
      if (error instanceof EngineError)
        throw new ApiError('InternalError', `The screenshot could not be taken: ${error.message}`);
      throw error;
    }
  },
});
