import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { WebSocketSettings } from '../../src/protocols/websocket/options.ts'
import type { PerMessageDeflateParameters } from '../../src/protocols/websocket/per-message-deflate.ts'
import { endOf, joined, says, tells, toward } from '../protocols/websocket/frames.ts'

/** What the peer sends: frames by their first byte and payload, or bytes as they are. */
export type Sent = readonly [first: number, payload?: Uint8Array | string] | Uint8Array

/** One rule: what an end tells and says when the peer sends this. */
export interface Rule {
  readonly name: string
  readonly sends: readonly Sent[]
  readonly tells: readonly string[]
  readonly says: readonly string[]
  readonly settings?: Partial<WebSocketSettings>
  readonly deflate?: PerMessageDeflateParameters
}

export const ROLES = ['server', 'client'] as const

/** Ways in which a stream is cut on its way. */
const CUTS: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array[]])[] = [
  ['in one piece', (bytes) => [bytes]],
  ['octet by octet', (bytes) => Array.from(bytes, (octet) => Uint8Array.of(octet))],
  ['in pieces of seven', (bytes) => Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.slice(i * 7, i * 7 + 7))],
]

/** The peer broke a rule: the end says Close with this code, and is over. */
export function fails(code: number, before: readonly string[] = []): Pick<Rule, 'tells' | 'says'> {
  return { tells: [...before, `closed 1006 for ${String(code)}`], says: [`close ${String(code)}`] }
}

/** Holds rules against both ends, however the peer's bytes are cut. What is said while bytes come is compared as a whole. */
export function hold(title: string, rules: readonly Rule[]): void {
  describe(title, () => {
    for (const rule of rules) {
      test(rule.name, () => {
        for (const role of ROLES) {
          const bytes = joined(rule.sends.map((part) => (part instanceof Uint8Array ? part : toward(role, ...part))))
          for (const [how, cut] of CUTS) {
            const end = endOf(role, rule.settings, rule.deflate)
            const heard = { tells: [] as string[], says: [] as string[] }
            for (const piece of cut(bytes)) {
              end.handle(piece, 0)
              heard.tells.push(...tells(end))
              heard.says.push(...says(end))
            }
            // A client waits for the server to close the stream.
            if (role === 'client' && end.state === 'closing') end.handleEnd(0)
            heard.tells.push(...tells(end))
            assert.deepEqual(heard, { tells: rule.tells, says: rule.says }, `${role}, ${how}`)
          }
        }
      })
    }
  })
}
