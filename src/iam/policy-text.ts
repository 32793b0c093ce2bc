/** A document as IAM's answers have it: percent-encoded after RFC 3986. */
export function encodeDocument(document: string): string {
  return encodeURIComponent(document).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** What quotas count: characters that are not white space. */
export function policySize(document: string): number {
  return document.replace(/\s/g, '').length;
}
