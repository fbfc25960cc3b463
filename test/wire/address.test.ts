import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  BROADCAST_IPV4,
  BROADCAST_MAC,
  formatIpv4,
  formatMac,
  parseIpv4,
  parseMac,
  readMac,
  writeMac,
} from '../../src/wire/address.ts'

test('IPv4 addresses as text', () => {
  assert.equal(formatIpv4(0x0a000001), '10.0.0.1')
  assert.equal(formatIpv4(BROADCAST_IPV4), '255.255.255.255')
  assert.equal(parseIpv4('192.0.2.255'), 0xc00002ff)
  assert.equal(parseIpv4('0.0.0.0'), 0)
})

test('RFC 6943 section 3.1.1: what is no dotted decimal, or could be read as octal, is refused', () => {
  for (const text of [
    '',
    '1',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.4 ',
    ' 1.2.3.4',
    '1.2.3.-4',
    '0x1.2.3.4',
    '1..3.4',
    '1.2.3.1e1',
    '١.2.3.4',
  ]) {
    assert.equal(parseIpv4(text), undefined, text)
  }
})

test('MAC addresses as text', () => {
  assert.equal(formatMac(0x02_00_00_00_00_0a), '02:00:00:00:00:0a')
  assert.equal(formatMac(0), '00:00:00:00:00:00')
  assert.equal(parseMac('FF:ff:ff:FF:ff:ff'), BROADCAST_MAC)
  assert.equal(parseMac('02-00-00-00-00-01'), 0x02_00_00_00_00_01)
})

test('what is no MAC address is refused', () => {
  for (const text of [
    '',
    '02:00:00:00:00',
    '02:00:00:00:00:00:00',
    '2:0:0:0:0:1',
    '02:00-00:00:00:01',
    '0200.0000.0001',
    '02:00:00:00:00:0g',
  ]) {
    assert.equal(parseMac(text), undefined, text)
  }
})

test('any address survives text and bytes', () => {
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), fc.bigInt(0n, 0xffff_ffff_ffffn), fc.nat(3), (address, bits, at) => {
      const mac = Number(bits)
      const bytes = new Uint8Array(10).fill(0xaa)
      writeMac(bytes, at, mac)
      assert.equal(readMac(bytes, at), mac)
      assert.equal(bytes[at + 6], 0xaa)
      assert.equal(Buffer.from(bytes.subarray(at, at + 6)).toString('hex'), formatMac(mac).replaceAll(':', ''))
      assert.equal(parseMac(formatMac(mac)), mac)
      assert.equal(parseIpv4(formatIpv4(address)), address)
    }),
    { seed: 1, numRuns: 2000 },
  )
})
