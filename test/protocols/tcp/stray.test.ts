import assert from 'node:assert/strict'
import { test } from 'node:test'
import { answerStray } from '../../../src/protocols/tcp/stray.ts'
import { TcpFlag, TcpSegment } from '../../../src/wire/tcp.ts'

function stray(values: Partial<TcpSegment>): TcpSegment | undefined {
  return answerStray(Object.assign(new TcpSegment(), { sourcePort: 1234, destinationPort: 80 }, values), new TcpSegment())
}

test('RFC 9293 section 3.10.7.1: a SYN to nobody gets RST and ACK from sequence number zero', () => {
  const answer = stray({ flags: TcpFlag.SYN, seq: 0xffff_ffff })
  assert.deepEqual(
    [answer?.flags, answer?.seq, answer?.ack, answer?.sourcePort, answer?.destinationPort],
    [TcpFlag.RST | TcpFlag.ACK, 0, 0, 80, 1234],
  )
})

test('RFC 9293 section 3.10.7.1: text and FIN are counted in', () => {
  assert.equal(stray({ flags: TcpFlag.FIN, seq: 100, payload: new Uint8Array(7) })?.ack, 108)
})

test('RFC 9293 section 3.10.7.1: a segment with ACK gets a RST where it says to be', () => {
  const answer = stray({ flags: TcpFlag.ACK, seq: 100, ack: 0x89abcdef })
  assert.deepEqual([answer?.flags, answer?.seq, answer?.ack], [TcpFlag.RST, 0x89abcdef, 0])
})

test('RFC 9293 section 3.10.7.1: a RST is never answered', () => {
  assert.equal(stray({ flags: TcpFlag.RST }), undefined)
  assert.equal(stray({ flags: TcpFlag.RST | TcpFlag.ACK }), undefined)
})
