import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { eventWords } from '../../components/wording.ts'
import { runInline } from '../../src/run/run-inline.ts'
import { resolveScenario } from '../../src/scenario/resolve.ts'
import type { EventRecord } from '../../src/trace/record.ts'

function events(server: Record<string, unknown>, browser: Record<string, unknown> = {}): readonly EventRecord[] {
  const scenario = resolveScenario({
    id: 'words',
    title: 'Words',
    duration: '20 s',
    hosts: {
      alice: { app: 'browser', visits: 'https://bob/', protocols: ['h2', 'http/1.1'], ...browser },
      bob: {
        app: 'web-server',
        serves: { '/': { size: '3 kB', type: 'text/html', resources: ['/a.css'] }, '/a.css': '3 kB' },
        ...server,
      },
    },
    links: [{ between: ['alice', 'bob'], delay: '5 ms' }],
  })
  return runInline(scenario).trace.events.filter(({ name }) => /^(?:tls|http2|fetch|page|http|hsts):/.test(name))
}

const RUNS: readonly (readonly [string, readonly EventRecord[]])[] = [
  ['a page over HTTP/2', events({ protocols: ['h2'], tls: {} })],
  ['a page over HTTP/1.1 and TLS 1.2', events({ protocols: ['http/1.1'], tls: { versions: ['1.2'] } })],
  ['an expired certificate', events({ protocols: ['h2'], tls: { certificate: 'expired' } })],
]

const plain = (text: string): string => text.replaceAll('\u00a0', ' ')

describe('events of TLS, HTTP/2 and of loading, in words', () => {
  for (const [name, happened] of RUNS) {
    it(`${name}: each event has a sentence of its own, and nothing in it is missing`, () => {
      assert.ok(happened.length > 10, `${String(happened.length)} events`)
      for (const event of happened) {
        const words = eventWords(event)
        assert.doesNotMatch(words, /undefined|\[object/, event.name)
        const generic = eventWords({ name: event.name.replace(/^[^:]*:/, 'nobody:'), data: event.data })
        if (Object.keys(event.data).length > 0) assert.notEqual(words, generic, `${event.name} has no words`)
      }
    })
  }

  it('say what was agreed on, sent and refused', () => {
    const told = (run: number): string[] => RUNS[run][1].map((event) => plain(eventWords(event)))
    const includes = (run: number, pattern: RegExp): void => {
      assert.ok(
        told(run).some((words) => pattern.test(words)),
        `${String(pattern)} in ${RUNS[run][0]}`,
      )
    }
    includes(0, /^Speaks TLS 1\.3: TLS_CHACHA20_POLY1305_SHA256, x25519, h2$/)
    includes(0, /^Sends ClientHello, \d+ B$/)
    includes(0, /^Sends HEADERS of stream 1, \d+ B$/)
    includes(0, /^Wants stylesheet https:\/\/bob\/a\.css, priority highest, nothing is drawn before$/)
    includes(0, /^Fetch \d+ receives/)
    includes(1, /^Speaks TLS 1\.2: /)
    includes(2, /^Refuses the certificate of bob: ERR_CERT_DATE_INVALID, /)
  })
})

describe('events of WebSocket, in words', () => {
  const words = (name: string, data: EventRecord['data']): string =>
    plain(eventWords({ number: 1, time: 0, host: 'bob', connection: 1, cause: 0, name, data } as unknown as EventRecord))

  it('how it is opened and closed, and what goes by', () => {
    const opened = { url: 'ws://bob/chat', version: 'HTTP/1.1', protocol: 'chat', extensions: '' }
    assert.equal(words('websocket:opened', opened), 'Speaks WebSocket at ws://bob/chat, over HTTP/1.1, subprotocol chat')
    assert.equal(words('websocket:message-sent', { opcode: 'text', length: 5 }), 'Sends a text message of 5 B')
    assert.equal(words('websocket:message-received', { opcode: 'binary', length: 5 }), 'Receives a binary message of 5 B')
    const closed = { code: 1001, reason: 'bye', clean: true, whose: 'remote' }
    assert.equal(words('websocket:closed', closed), 'WebSocket is over: code 1001, bye, ended by the other side')
    const lost = { code: 1006, reason: '', clean: false, whose: 'network' }
    const failed = { whose: 'remote', detail: 'no Upgrade to websocket', cites: 'RFC 6455 section 4.1' }
    const why = 'no Upgrade to websocket (RFC 6455 section 4.1)'
    assert.equal(words('websocket:failed', failed), `WebSocket failed, ended by the other side: ${why}`)
    assert.equal(words('websocket:refused', { ...failed, status: 426 }), `Refuses to speak WebSocket, with 426: ${why}`)
    assert.equal(words('websocket:closed', lost), 'WebSocket is over, without a farewell: code 1006, the network’s fault')
  })
})
