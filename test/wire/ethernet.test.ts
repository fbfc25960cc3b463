import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DecodeError } from '../../src/wire/errors.ts'
import { decodeEthernet, encodeEthernet, EtherType, EthernetHeader, ethernetLayer } from '../../src/wire/ethernet.ts'

const FRAME = Buffer.from('ffffffffffff020000000001' + '0806' + '00'.repeat(46), 'hex')

test('a header is destination, source and type', () => {
  const header = decodeEthernet(FRAME, 0, FRAME.length)
  assert.equal(header.destination, 0xffff_ffff_ffff)
  assert.equal(header.source, 0x02_00_00_00_00_01)
  assert.equal(header.type, EtherType.ARP)
  assert.equal(header.payloadStart, 14)
})

test('decoding fills and returns the header that it is given', () => {
  const into = new EthernetHeader()
  assert.equal(decodeEthernet(FRAME, 0, FRAME.length, into), into)
  assert.equal(into.type, EtherType.ARP)
})

test('any header survives bytes, and nothing else is written', () => {
  const mac = fc.bigInt(0n, 0xffff_ffff_ffffn).map(Number)
  fc.assert(
    fc.property(mac, mac, fc.integer({ min: 0x600, max: 0xffff }), fc.nat(5), (destination, source, type, start) => {
      const header = Object.assign(new EthernetHeader(), { destination, source, type })
      const bytes = new Uint8Array(24).fill(0x55)
      const payloadStart = encodeEthernet(header, bytes, start)
      assert.equal(payloadStart, start + 14)
      assert.deepEqual(decodeEthernet(bytes, start, payloadStart), Object.assign(header, { payloadStart }))
      assert.ok(bytes.every((byte, at) => (at >= start && at < payloadStart) || byte === 0x55))
    }),
    { seed: 894 },
  )
})

test('a frame of 13 bytes is truncated', () => {
  assert.throws(
    () => decodeEthernet(FRAME, 0, 13),
    (error) => error instanceof DecodeError && error.problem === 'truncated' && error.offset === 13,
  )
})

test('IEEE 802.3 clause 3.2.6: a length in place of the type is not spoken, from 0x0600 on it is a type', () => {
  const bytes = Uint8Array.from(FRAME)
  bytes[12] = 0x05
  bytes[13] = 0xff
  assert.throws(
    () => decodeEthernet(bytes, 0, bytes.length),
    (error) => error instanceof DecodeError && error.problem === 'unsupported',
  )
  bytes[12] = 0x06
  bytes[13] = 0x00
  assert.equal(decodeEthernet(bytes, 0, bytes.length).type, 0x600)
})

test('the layer names broadcast and the type', () => {
  const layer = ethernetLayer(FRAME, 0, FRAME.length)
  assert.equal(layer.summary, '02:00:00:00:00:01 → ff:ff:ff:ff:ff:ff (broadcast), ARP')
  assert.equal(layer.end, 14)
  assert.deepEqual(layer.fields[2], { name: 'eth.type', label: 'Type', value: '0x0806 (ARP)', start: 12, end: 14 })
})
