const form = /^(\d{4,})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]\d\d:?\d\d)?)?)?)?$/i;

/**
 * Milliseconds since the epoch of a date as policies write it: ISO 8601 in one of W3C's forms, or seconds since the
 * epoch. Digits alone are seconds, never a year; a time without a zone is UTC. `undefined` for anything else.
 * @see https://www.w3.org/TR/NOTE-datetime
 */
export function parseDate(text: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000;
  const found = form.exec(text);
  if (found === null) return undefined;
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] =
    found;
  const offset = zone.toUpperCase() === 'Z' ? 0 : offsetOf(zone);
  const time = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
  const read = new Date(time);
  // Date.UTC would make March out of 30 February.
  const valid =
    read.getUTCMonth() === Number(month) - 1 &&
    read.getUTCDate() === Number(day) &&
    read.getUTCHours() === Number(hour) &&
    read.getUTCMinutes() === Number(minute) &&
    read.getUTCSeconds() === Number(second);
  return valid ? time + Number(`0.${fraction || '0'}`) * 1000 - offset : undefined;
}

function offsetOf(zone: string): number {
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2));
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000;
}
