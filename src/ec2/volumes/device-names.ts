/*
 * Names that volumes are attached under. Linux guests show `/dev/sdf` as `/dev/xvdf` and the other way around, so that both
 * are one device.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/device_naming.html
 */

/** Whether a volume can be attached under this name to an instance that exists. */
export function isDeviceName(name: string, rootDeviceName: string): boolean {
  return name === rootDeviceName || /^(?:\/dev\/)?(?:sd[b-z]|xvd[b-z]|xvd[b-d][a-z])$/.test(name);
}

/** Whether two names mean the same device. */
export function isSameDevice(one: string, other: string): boolean {
  return plainName(one) === plainName(other);
}

/** `/dev/sdf`, `xvdf` → `f`; `/dev/sda1` → `a1` */
function plainName(name: string): string {
  return name.replace(/^(?:\/dev\/)?(?:xvd|sd)/, '');
}
