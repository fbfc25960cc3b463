import assert from 'node:assert/strict'
import { isIPv6 } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  ALL_NODES_IPV6,
  ALL_ROUTERS_IPV6,
  formatIp,
  formatIpv6,
  interfaceIdentifier,
  isLinkLocalIpv6,
  isMulticastIpv6,
  linkLocalAddress,
  LOOPBACK_IPV6,
  multicastMac,
  formatMac,
  parseIp,
  parseIpv6,
  readIpv6,
  solicitedNodeAddress,
  UNSPECIFIED_IPV6,
  writeIpv6,
} from '../../src/wire/address.ts'

function parsed(text: string): bigint {
  const address = parseIpv6(text)
  assert.ok(address !== undefined, text)
  return address
}

const LARGEST = (1n << 128n) - 1n

/** Addresses with runs of zeros, as real ones have. */
const addresses = fc.oneof(
  fc.bigInt(0n, LARGEST),
  fc
    .array(fc.oneof(fc.constant(0), fc.nat(0xf), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
    .map((groups) => groups.reduce((address, group) => (address << 16n) | BigInt(group), 0n)),
)

test('RFC 5952 section 4: one form for each address', () => {
  const cases = {
    // 4.1: leading zeros go.
    '2001:0db8:0000:0000:0001:0000:0000:0001': '2001:db8::1:0:0:1',
    // 4.2.1: as short as possible.
    '2001:db8:0:0:0:0:2:1': '2001:db8::2:1',
    '2001:db8::0:1': '2001:db8::1',
    // 4.2.2: not for one group alone.
    '2001:db8::1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    // 4.2.3: the longest run, of equals the first.
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
    // 4.3: lower case.
    '2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:AAAA': '2001:db8:aaaa:bbbb:cccc:dddd:eeee:aaaa',
    '0:0:0:0:0:0:0:0': '::',
    '0:0:0:0:0:0:0:1': '::1',
    '1:0:0:0:0:0:0:0': '1::',
    '0:1:2:3:4:5:6:7': '0:1:2:3:4:5:6:7',
    // Section 5: an address that stands for one of IPv4.
    '::ffff:c000:201': '::ffff:192.0.2.1',
    '0:0:0:0:0:ffff:192.0.2.1': '::ffff:192.0.2.1',
  }
  for (const [text, form] of Object.entries(cases)) assert.equal(formatIpv6(parsed(text)), form, text)
})

test('RFC 4291 section 2.2: the three forms of text', () => {
  assert.equal(parseIpv6('ABCD:EF01:2345:6789:ABCD:EF01:2345:6789'), 0xabcd_ef01_2345_6789_abcd_ef01_2345_6789n)
  assert.equal(parseIpv6('FF01::101'), 0xff01_0000_0000_0000_0000_0000_0000_0101n)
  assert.equal(parseIpv6('::13.1.68.3'), 0x0d01_4403n)
  assert.equal(parseIpv6('::FFFF:129.144.52.38'), 0xffff_8190_3426n)
  assert.equal(parseIpv6('1:2:3:4:5:6:7::'), parseIpv6('1:2:3:4:5:6:7:0'))
  assert.equal(parseIpv6('::2:3:4:5:6:7:8'), parseIpv6('0:2:3:4:5:6:7:8'))
  assert.equal(parseIpv6('64:ff9b::192.0.2.33'), 0x0064_ff9b_0000_0000_0000_0000_c000_0221n)
})

test('what is no IPv6 address is refused', () => {
  for (const text of [
    '',
    ':',
    ':::',
    '1',
    '1.2.3.4',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7:8::',
    '::1:2:3:4:5:6:7:8',
    '1:2:3:4::5:6:7:8',
    ':1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:',
    '12345::',
    'g::',
    '::1 ',
    ' ::1',
    'fe80::1%eth0',
    '::1/128',
    '[::1]',
    '::256.0.0.1',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    '::01.2.3.4',
    '::-1',
    '::+1',
    '::0x1',
  ]) {
    assert.equal(parseIpv6(text), undefined, text)
  }
})

test('any address survives text and bytes; text is understood as others understand it', () => {
  fc.assert(
    fc.property(addresses, fc.nat(3), (address, at) => {
      const text = formatIpv6(address)
      assert.equal(parseIpv6(text), address)
      assert.equal(parseIp(text), address)
      assert.equal(formatIp(address), text)
      assert.ok(isIPv6(text), text)
      // A URL's host is written by RFC 5952, but for the dotted form.
      if (!text.includes('.')) assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`)
      const bytes = new Uint8Array(20).fill(0xaa)
      writeIpv6(bytes, at, address)
      assert.equal(readIpv6(bytes, at), address)
      assert.equal(BigInt(`0x${Buffer.from(bytes.subarray(at, at + 16)).toString('hex')}`), address)
      assert.ok(
        bytes.every((byte, i) => (i >= at && i < at + 16) || byte === 0xaa),
        text,
      )
    }),
    { seed: 5952, numRuns: 2000 },
  )
})

test('any text is an address to us when it is one to Node', () => {
  const texts = fc.string({ unit: fc.constantFrom(...Array.from('0123456789abcdefF::::..')), maxLength: 24 })
  fc.assert(
    fc.property(texts, (text) => {
      assert.equal(parseIpv6(text) !== undefined, isIPv6(text), text)
    }),
    { seed: 4291, numRuns: 5000 },
  )
})

test('addresses whose words have the same hash are told apart', () => {
  const bytes = new Uint8Array(16)
  const many = Array.from({ length: 2000 }, (_, i) => (BigInt(i) << 64n) | BigInt(i * 7919))
  for (let round = 0; round < 2; round++) {
    for (const address of many) {
      writeIpv6(bytes, 0, address)
      assert.equal(readIpv6(bytes, 0), address)
    }
  }
})

test('RFC 4291 section 2.7.1: the solicited-node address; RFC 2464 section 7: its MAC address', () => {
  const group = solicitedNodeAddress(parsed('4037::01:800:200E:8C6C'))
  assert.equal(formatIpv6(group), 'ff02::1:ff0e:8c6c')
  assert.equal(formatMac(multicastMac(group)), '33:33:ff:0e:8c:6c')
  assert.equal(formatMac(multicastMac(ALL_NODES_IPV6)), '33:33:00:00:00:01')
  assert.equal(formatMac(multicastMac(parsed('ff02::ffff:ffff'))), '33:33:ff:ff:ff:ff')
})

test('RFC 2464 sections 4 and 5: the interface identifier and the link-local address of 34-56-78-9A-BC-DE', () => {
  assert.equal(interfaceIdentifier(0x3456_789a_bcde).toString(16), '365678fffe9abcde')
  assert.equal(formatIpv6(linkLocalAddress(0x3456_789a_bcde)), 'fe80::3656:78ff:fe9a:bcde')
  assert.equal(formatIpv6(linkLocalAddress(0x0200_0000_0001)), 'fe80::ff:fe00:1')
})

test('RFC 4291 section 2.4: kinds of addresses', () => {
  assert.ok(isMulticastIpv6(ALL_NODES_IPV6) && isMulticastIpv6(ALL_ROUTERS_IPV6), 'ff02::1, ff02::2')
  assert.deepEqual([formatIpv6(ALL_NODES_IPV6), formatIpv6(ALL_ROUTERS_IPV6)], ['ff02::1', 'ff02::2'])
  assert.deepEqual([formatIpv6(UNSPECIFIED_IPV6), formatIpv6(LOOPBACK_IPV6)], ['::', '::1'])
  assert.equal(isMulticastIpv6(parsed('feff::1')), false)
  for (const text of ['fe80::', 'fe80::1', 'febf:ffff::1']) assert.equal(isLinkLocalIpv6(parsed(text)), true, text)
  for (const text of ['fe7f::', 'fec0::', '::1', 'ff02::1']) assert.equal(isLinkLocalIpv6(parsed(text)), false, text)
})

test('an address of either version as text', () => {
  assert.equal(formatIp(0x0a00_0001), '10.0.0.1')
  assert.equal(formatIp(0x0a00_0001n), '::a00:1')
  assert.equal(parseIp('10.0.0.1'), 0x0a00_0001)
  assert.equal(parseIp('::10.0.0.1'), 0x0a00_0001n)
  assert.equal(parseIp('10.0.0'), undefined)
})
