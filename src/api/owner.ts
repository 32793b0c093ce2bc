/** The account of an `ACCOUNT/REGION` owner. */
export function accountOf(owner: string): string {
  return owner.slice(0, owner.indexOf('/'));
}

/** The Region of an `ACCOUNT/REGION` owner. */
export function regionOf(owner: string): string {
  return owner.slice(owner.indexOf('/') + 1);
}
