let cachedSecond = Number.NaN;
let cachedTime = '';

/** `YYYY-MM-DDTHH:MM:SSZ`. @param milliseconds since the epoch */
export function eventTime(milliseconds: number): string {
  const second = Math.floor(milliseconds / 1000);
  if (second !== cachedSecond) {
    cachedSecond = second;
    cachedTime = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
  }
  return cachedTime;
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** How a time inside an element is written by the services other than EC2: `Mar 24, 2014 9:18:57 PM`. */
export function elementTime(time: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = time.getUTCHours();
  const clock = `${hours % 12 || 12}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  const day = `${months[time.getUTCMonth()]} ${time.getUTCDate()}, ${time.getUTCFullYear()}`;
  return `${day} ${clock} ${hours < 12 ? 'AM' : 'PM'}`;
}
