/** An element of an AWS answer: elements or text inside, never both; attributes are of no use here. */
export class XmlElement {
  readonly name: string;
  readonly children: XmlElement[] = [];
  text = '';

  constructor(name: string) {
    this.name = name;
  }

  /** The first element at a path of names: `find('instanceState', 'name')`. */
  find(...path: string[]): XmlElement | undefined {
    let element: XmlElement | undefined = this;
    for (const name of path) element = element?.children.find(child => child.name === name);
    return element;
  }

  /** The text at a path, or undefined. */
  get(...path: string[]): string | undefined {
    return this.find(...path)?.text;
  }

  /** The entries of a list: `items('reservationSet')`. */
  items(...path: string[]): XmlElement[] {
    return this.find(...path)?.children ?? [];
  }
}

/** A tag, a comment, a declaration, a CDATA section, or the text between them. */
const token = /<!--[\s\S]*?-->|<!\[CDATA\[([\s\S]*?)\]\]>|<[?!][^>]*>|<(\/?)([^\s/>]+)[^>]*?(\/?)>|([^<]+)/g;

/**
 * Reads the XML that AWS services answer with. No entities are declared and no DTD is followed, so nothing in an
 * answer can make this read a file or grow without bound.
 * @throws Error when the text is no single element.
 */
export function parseXml(source: string): XmlElement {
  const document = new XmlElement('');
  const open = [document];
  for (const match of source.matchAll(token)) {
    const [, cdata, closing, name, empty, text] = match;
    const parent = open[open.length - 1];
    if (parent === undefined) break;
    if (cdata !== undefined) parent.text += cdata;
    else if (text !== undefined) parent.text += decodeEntities(text);
    else if (name !== undefined && closing === '/') {
      if (parent.name !== name || open.length === 1)
        throw new Error(`the answer is not XML: </${name}> closes <${parent.name}>`);
      if (parent.children.length > 0) parent.text = '';
      open.pop();
    } else if (name !== undefined) {
      const element = new XmlElement(name);
      parent.children.push(element);
      if (empty !== '/') open.push(element);
    }
  }
  const [root] = document.children;
  if (root === undefined || open.length !== 1) throw new Error('the answer is not XML');
  return root;
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return entities[name] ?? whole;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
