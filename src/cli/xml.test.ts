import { expect, test } from 'vitest';
import { parseXml } from './xml.ts';

test('elements, lists, text and entities', () => {
  const root = parseXml(`<?xml version="1.0" encoding="UTF-8"?>
<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">
  <!-- <reservationSet/> -->
  <requestId>r-1</requestId>
  <reservationSet>
    <item><ownerId>1</ownerId><empty/><tag a='x'>y</tag></item>
    <item><ownerId>2</ownerId></item>
  </reservationSet>
  <cdata>1 <![CDATA[<x>&amp;]]></cdata>
</DescribeInstancesResponse>`);
  expect(root.name).toBe('DescribeInstancesResponse');
  expect(root.get('requestId')).toBe('r-1');
  expect(root.items('reservationSet').map(item => item.get('ownerId'))).toEqual(['1', '2']);
  expect(root.get('reservationSet', 'item', 'empty')).toBe('');
  expect(root.get('cdata')).toBe('1 <x>&amp;');
  expect(root.get('reservationSet', 'none')).toBeUndefined();
  expect(root.items('none')).toEqual([]);
});

test('text with entities', () => {
  expect(parseXml('<a>a &lt;b&gt; &amp;amp; &#233;&#x1F600; &unknown;</a>').text).toBe('a <b> &amp; é😀 &unknown;');
});

test.each(['', 'Not found', '<a>', '<a><b></a>', '</a>', '<a></a></a>'])('refuses %j', text =>
  expect(() => parseXml(text)).toThrow('not XML'),
);
