import type { Tx } from '../../state/state.ts';
import { type ImageRow, images } from './model.ts';

const hour = 3600 * 1000;
/** How long after a launch it is told of, in milliseconds. */
const delay = 24 * hour;

/**
 * Remembers that an AMI was launched: the latest launch of each of the last 24 hours and the one before, which is all
 * that anybody can still ask for. The AMIs that come with Fogbank have no owner who could.
 */
export function recordLaunch(db: Tx, image: ImageRow, now: number): void {
  if (image.ownerAlias !== undefined) return;
  const earlier = (image.launches ?? []).filter(time => Math.floor(time / hour) < Math.floor(now / hour));
  const told = earlier.findLast(time => time <= now - delay);
  const launches = [...(told === undefined ? [] : [told]), ...earlier.filter(time => time > now - delay), now];
  db.put(images, { ...image, launches });
}

/**
 * When an AMI was last launched, with AWS's delay of 24 hours.
 * @see https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ami-last-launched-time.html
 */
export function lastLaunchedTime(image: ImageRow, now: number): string | undefined {
  const told = image.launches?.findLast(time => time <= now - delay);
  return told === undefined ? undefined : new Date(told).toISOString();
}
