import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ARP_LENGTH, arpLayer, ArpOperation, ArpPacket, decodeArp, encodeArp } from '../../src/wire/arp.ts'
import { DecodeError } from '../../src/wire/errors.ts'

const REQUEST = Buffer.from('0001080006040001' + '02000000000a' + '0a000001' + '000000000000' + '0a000002', 'hex')

function changed(at: number, value: number): Uint8Array {
  const bytes = Uint8Array.from(REQUEST)
  bytes[at] = value
  return bytes
}

test('RFC 826: a request for IPv4 over Ethernet', () => {
  const packet = decodeArp(REQUEST, 0, REQUEST.length)
  assert.equal(packet.operation, ArpOperation.REQUEST)
  assert.equal(packet.senderMac, 0x02_00_00_00_00_0a)
  assert.equal(packet.senderIp, 0x0a000001)
  assert.equal(packet.targetMac, 0)
  assert.equal(packet.targetIp, 0x0a000002)
  const bytes = new Uint8Array(ARP_LENGTH)
  assert.equal(encodeArp(packet, bytes, 0), ARP_LENGTH)
  assert.deepEqual(Buffer.from(bytes), REQUEST)
})

test('any packet survives bytes, at any place, and padding behind it is nobody’s', () => {
  const mac = fc.bigInt(0n, 0xffff_ffff_ffffn).map(Number)
  const ip = fc.nat(0xffff_ffff)
  fc.assert(
    fc.property(fc.nat(0xffff), mac, ip, mac, ip, fc.nat(7), (operation, senderMac, senderIp, targetMac, targetIp, start) => {
      const packet = Object.assign(new ArpPacket(), { operation, senderMac, senderIp, targetMac, targetIp })
      const bytes = new Uint8Array(64)
      assert.equal(encodeArp(packet, bytes, start), start + ARP_LENGTH)
      assert.deepEqual(decodeArp(bytes, start, bytes.length), packet)
    }),
    { seed: 826 },
  )
})

test('what is cut short, or for other hardware, protocols or address lengths, is refused', () => {
  const problem = (bytes: Uint8Array, end = bytes.length): string => {
    try {
      decodeArp(bytes, 0, end)
    } catch (error) {
      if (error instanceof DecodeError) return `${error.problem} ${String(error.offset)}`
    }
    return 'none'
  }
  assert.equal(problem(REQUEST, 27), 'truncated 27')
  assert.equal(problem(changed(1, 6)), 'unsupported 0')
  assert.equal(problem(changed(2, 0x86)), 'unsupported 2')
  assert.equal(problem(changed(4, 8)), 'invalid 4')
  assert.equal(problem(changed(5, 16)), 'invalid 4')
})

test('the layer says in one line who asks whom', () => {
  const summary = (bytes: Uint8Array): string => arpLayer(bytes, 0, bytes.length).summary
  assert.equal(summary(REQUEST), 'who has 10.0.0.2? tell 10.0.0.1')
  assert.equal(summary(changed(7, 2)), '10.0.0.1 is at 02:00:00:00:00:0a')
  assert.equal(summary(changed(27, 1)), 'announcement of 10.0.0.1 at 02:00:00:00:00:0a')
  assert.equal(summary(changed(7, 9)), 'operation 9')
  const probe = Uint8Array.from(REQUEST).fill(0, 14, 18)
  assert.equal(summary(probe), 'who has 10.0.0.2? (probe)')
})
