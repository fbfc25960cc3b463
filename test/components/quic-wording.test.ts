import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventWords } from '../../components/wording.ts'
import type { InlineRun } from '../../src/run/run-inline.ts'
import { HARD, page, SITUATIONS } from '../trace/quic-situations.ts'

function wordsOf({ trace }: InlineRun): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const event of trace.events) {
    if (!/^(?:quic|http3|qpack|alt-svc):/.test(event.name)) continue
    const words = eventWords(event).replaceAll('\u00a0', ' ')
    const generic = eventWords({ name: event.name.replace(/^[^:]*:/, 'nobody:'), data: event.data })
    assert.doesNotMatch(words, /undefined|\[object/, event.name)
    if (Object.keys(event.data).length > 0) assert.notEqual(words, generic, `${event.name} has no words`)
    found.set(event.name, [...(found.get(event.name) ?? []), words])
  }
  return found
}

describe('events of QUIC and HTTP/3 in words', () => {
  for (const [name, make] of SITUATIONS) {
    it(`${name}: each event has a sentence of its own, and nothing in it is missing`, () => {
      assert.ok(wordsOf(make(2)).size > 10, 'there are events of many kinds')
    })
  }

  it('say what happened', () => {
    const words = wordsOf(page({ seed: 1, link: HARD, server: { quic: { keyUpdateAfter: 15 } } }))
    const says = (event: string, pattern: RegExp): void => {
      assert.ok(words.get(event)?.some((each) => pattern.test(each)) === true, `${event}: ${words.get(event)?.[0] ?? 'never'}`)
    }
    says('quic:connection-started', /^Begins a connection to 10\.0\.\d\.\d:443$/)
    says('quic:handshake-done', /^Speaks QUIC with TLS_CHACHA20_POLY1305_SHA256, x25519, h3$/)
    says('quic:packet-lost', /^Takes packet \d+ for lost: three later ones were acknowledged$/)
    says('quic:metrics-updated', /^Congestion window [\d.]+ kB, in flight [\d.]+ k?B$/)
    says('quic:key-updated', /^The other side updates the keys, phase 1$/)
    says('quic:stream-delivered', /^1.1\d kB of stream 0 from \d+ in order for the application$/)
    says('http3:frame-received', /^Receives HEADERS on stream 0, \d+ B$/)
    says('quic:closed', /^The connection is over$/)
  })
})
