import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import {
  asksForWebSocket,
  judgeAnswer,
  judgeConnect,
  judgeUpgrade,
  openingFields,
  webSocketKey,
} from '../../../src/protocols/websocket/opening.ts'
import type { WebSocketPolicy, WebSocketWish } from '../../../src/protocols/websocket/opening.ts'
import type { HeaderField } from '../../../src/wire/http1.ts'
import { seededBytes } from '../../crypto/bytes.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='

/** Section 4.2.2, by Node’s SHA-1. */
function webSocketAccept(key: string): string {
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

function fieldsOf(lines: Readonly<Record<string, string | readonly string[]>>): HeaderField[] {
  return Object.entries(lines).flatMap(([name, values]) =>
    (typeof values === 'string' ? [values] : values).map((value) => ({ name, value })),
  )
}

const REQUEST = {
  host: 'server.example.com',
  upgrade: 'websocket',
  connection: 'Upgrade',
  'sec-websocket-key': KEY,
  'sec-websocket-version': '13',
}

function judged(changes: Readonly<Record<string, string | readonly string[]>>, policy: WebSocketPolicy = {}, more = {}) {
  return judgeUpgrade({ method: 'GET', minorVersion: 1, fields: fieldsOf({ ...REQUEST, ...changes }), ...more }, policy)
}

test('RFC 6455 section 1.3: the key of the example and its answer', () => {
  const judgement = judged({})
  assert.ok(judgement.accepted, 'the server agrees')
  assert.deepEqual(judgement.fields, fieldsOf({ 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' }))
  const key = webSocketKey(seededBytes('key'))
  assert.equal(Buffer.from(key, 'base64').length, 16)
  assert.match(key, /^.{22}==$/)
})

test('RFC 6455 section 1.2: the handshake of the example', () => {
  const wish: WebSocketWish = { origin: 'http://example.com', protocols: ['chat', 'superchat'] }
  const fields = [
    ...openingFields(wish, KEY),
    ...fieldsOf({ host: 'server.example.com', upgrade: 'websocket', connection: 'Upgrade' }),
  ]
  const judgement = judgeUpgrade({ method: 'GET', minorVersion: 1, fields }, { protocols: ['superchat', 'chat'] })
  assert.deepEqual(judgement, {
    accepted: true,
    fields: fieldsOf({ 'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=', 'sec-websocket-protocol': 'chat' }),
    agreement: { protocol: 'chat', deflate: undefined, extensions: '' },
  })
  assert.ok(judgement.accepted, 'the server agrees')
  const answer = [...fieldsOf({ upgrade: 'websocket', connection: 'Upgrade' }), ...judgement.fields]
  assert.deepEqual(judgeAnswer({ status: 101, fields: answer }, wish, KEY), { accepted: true, agreement: judgement.agreement })
})

describe('RFC 6455 section 4.2.1: what a server refuses', () => {
  const CASES: readonly [string, Record<string, string | readonly string[]>, number][] = [
    ['no key', { 'sec-websocket-key': [] }, 400],
    ['two keys', { 'sec-websocket-key': [KEY, KEY] }, 400],
    ['a key of 15 bytes', { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAA' }, 400],
    ['a key of 17 bytes', { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAAA=' }, 400],
    ['a key that is no base64', { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25j*Q==' }, 400],
    ['no version', { 'sec-websocket-version': [] }, 426],
    ['an older version', { 'sec-websocket-version': '8' }, 426],
    ['a newer version', { 'sec-websocket-version': '14' }, 426],
    ['two versions', { 'sec-websocket-version': ['13', '13'] }, 426],
    ['no Upgrade', { upgrade: [] }, 426],
    ['another Upgrade', { upgrade: 'h2c' }, 426],
    ['a Connection that does not speak of it', { connection: 'keep-alive' }, 426],
    ['no Connection', { connection: [] }, 426],
    ['no Host', { host: [] }, 400],
    ['a subprotocol that is no token', { 'sec-websocket-protocol': 'chat, a b' }, 400],
    ['extensions that cannot be read', { 'sec-websocket-extensions': 'permessage-deflate; =1' }, 400],
    ['two origins', { origin: ['http://a', 'http://b'] }, 400],
  ]
  for (const [name, changes, status] of CASES) {
    test(name, () => {
      const judgement = judged(changes, { deflate: {} })
      assert.ok(!judgement.accepted, 'it is refused')
      assert.equal(judgement.status, status)
      const said = judgement.fields.map((field) => field.name)
      if (name.includes('version')) assert.deepEqual(said, ['sec-websocket-version', 'upgrade'])
      else assert.deepEqual(said, status === 426 ? ['upgrade'] : [])
    })
  }

  test('another method, an older HTTP', () => {
    const post = judged({}, {}, { method: 'POST' })
    assert.ok(!post.accepted && post.status === 405, 'no POST')
    const old = judged({}, {}, { minorVersion: 0 })
    assert.ok(!old.accepted && old.status === 400, 'no HTTP/1.0')
  })

  test('section 10.2: an origin that may not connect', () => {
    const policy: WebSocketPolicy = { allowsOrigin: (origin) => origin === undefined || origin === 'https://good' }
    assert.equal(judged({}, policy).accepted, true)
    assert.equal(judged({ origin: 'https://good' }, policy).accepted, true)
    const evil = judged({ origin: 'https://evil' }, policy)
    assert.ok(!evil.accepted && evil.status === 403, 'it is forbidden')
  })
})

test('RFC 6455 section 4.2.1: names in any case, lists in several lines, blanks anywhere', () => {
  const changes = {
    upgrade: 'WebSocket , foo',
    connection: ['keep-alive', 'upgrade'],
    'sec-websocket-protocol': ['a,b', ' c '],
    'sec-websocket-extensions': ['x-unknown; a="b"', ', permessage-deflate ; client_max_window_bits="10"'],
  }
  const judgement = judged(changes, { protocols: ['c'], deflate: {} })
  assert.ok(judgement.accepted, 'it is taken')
  assert.equal(judgement.agreement.protocol, 'c')
  assert.equal(judgement.agreement.deflate?.clientMaxWindowBits, 10)
  assert.equal(asksForWebSocket(fieldsOf({ ...REQUEST, ...changes })), true)
  assert.equal(asksForWebSocket(fieldsOf({ ...REQUEST, upgrade: 'websockets' })), false)
})

const ANSWER = { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-accept': webSocketAccept(KEY) }

describe('RFC 6455 section 4.1: what a client does not take for an answer', () => {
  const CASES: readonly [string, Record<string, string | readonly string[]>][] = [
    ['no Upgrade', { upgrade: [] }],
    ['an Upgrade to something else', { upgrade: 'h2c' }],
    ['no Connection', { connection: [] }],
    ['no Sec-WebSocket-Accept', { 'sec-websocket-accept': [] }],
    ['the answer to another key', { 'sec-websocket-accept': webSocketAccept('AAAAAAAAAAAAAAAAAAAAAA==') }],
    ['the key itself', { 'sec-websocket-accept': KEY }],
    ['a subprotocol that was not asked for', { 'sec-websocket-protocol': 'other' }],
    ['a subprotocol in another case', { 'sec-websocket-protocol': 'Chat' }],
    ['two subprotocols', { 'sec-websocket-protocol': ['chat', 'chat'] }],
    ['an extension that was not asked for', { 'sec-websocket-extensions': 'x-other' }],
    ['the extension twice', { 'sec-websocket-extensions': 'permessage-deflate, permessage-deflate' }],
    ['the field in two lines', { 'sec-websocket-extensions': ['permessage-deflate', ''] }],
    ['a parameter that there is not', { 'sec-websocket-extensions': 'permessage-deflate; x' }],
    [
      'a parameter twice',
      { 'sec-websocket-extensions': 'permessage-deflate; server_max_window_bits=9; server_max_window_bits=9' },
    ],
    ['a window without a value', { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' }],
    ['a window of 16 bits', { 'sec-websocket-extensions': 'permessage-deflate; server_max_window_bits=16' }],
    ['a window with a zero before it', { 'sec-websocket-extensions': 'permessage-deflate; server_max_window_bits=09' }],
    ['a value where there is none', { 'sec-websocket-extensions': 'permessage-deflate; server_no_context_takeover=1' }],
  ]
  const wish: WebSocketWish = { protocols: ['chat'], deflate: [{ clientMaxWindowBits: true }] }
  for (const [name, changes] of CASES) {
    test(name, () => {
      assert.equal(judgeAnswer({ status: 101, fields: fieldsOf({ ...ANSWER, ...changes }) }, wish, KEY).accepted, false)
    })
  }

  test('another status', () => {
    for (const status of [200, 302, 401, 426, 500]) {
      assert.equal(judgeAnswer({ status, fields: fieldsOf(ANSWER) }, wish, KEY).accepted, false)
    }
  })

  test('a subprotocol and an extension that were not asked for at all', () => {
    for (const changes of [{ 'sec-websocket-protocol': 'chat' }, { 'sec-websocket-extensions': 'permessage-deflate' }]) {
      assert.equal(judgeAnswer({ status: 101, fields: fieldsOf({ ...ANSWER, ...changes }) }, {}, KEY).accepted, false)
    }
  })

  test('what it takes: none of its subprotocols, other cases and more in the lists', () => {
    const fields = fieldsOf({ ...ANSWER, upgrade: 'WebSocket', connection: 'keep-alive, UPGRADE' })
    assert.deepEqual(judgeAnswer({ status: 101, fields }, wish, KEY), {
      accepted: true,
      agreement: { protocol: '', deflate: undefined, extensions: '' },
    })
  })
})

describe('RFC 7692 section 7.1: who agrees on what', () => {
  /** What a server answers to offers: the value of its field. */
  const chosen = (offers: string, deflate: WebSocketPolicy['deflate'] = {}): string => {
    const judgement = judged({ 'sec-websocket-extensions': offers }, { deflate })
    assert.ok(judgement.accepted, 'an extension is no reason to refuse')
    return judgement.agreement.extensions
  }
  const PMD = 'permessage-deflate'
  const CASES: readonly [string, string, string, WebSocketPolicy['deflate']?][] = [
    ['the plain offer', PMD, PMD],
    ['the offer of Chromium', `${PMD}; client_max_window_bits`, PMD],
    ['no takeover by the server', `${PMD}; server_no_context_takeover`, `${PMD}; server_no_context_takeover`],
    ['no takeover by the client', `${PMD}; client_no_context_takeover`, `${PMD}; client_no_context_takeover`],
    ['a window of the server', `${PMD}; server_max_window_bits=10`, `${PMD}; server_max_window_bits=10`],
    ['the smallest one', `${PMD}; server_max_window_bits=8`, `${PMD}; server_max_window_bits=8`],
    ['a window of the client', `${PMD}; client_max_window_bits=12`, `${PMD}; client_max_window_bits=12`],
    [
      'all of them',
      `${PMD}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9`,
      `${PMD}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9`,
    ],
    [
      'the second when the first cannot be',
      `${PMD}; server_max_window_bits=7, ${PMD}; server_max_window_bits=11`,
      `${PMD}; server_max_window_bits=11`,
    ],
    ['an unknown parameter', `${PMD}; mystery`, ''],
    ['a parameter twice', `${PMD}; client_max_window_bits; client_max_window_bits`, ''],
    ['a window without a value', `${PMD}; server_max_window_bits`, ''],
    ['a window of nothing sensible', `${PMD}; client_max_window_bits=99`, ''],
    ['another extension', 'x-webkit-deflate-frame', ''],
    [
      'the server wants less',
      `${PMD}; client_max_window_bits; server_max_window_bits=14`,
      `${PMD}; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=11`,
      { serverNoContextTakeover: true, clientNoContextTakeover: true, serverMaxWindowBits: 10, clientMaxWindowBits: 11 },
    ],
    [
      'a client that cannot be told is not told',
      PMD,
      `${PMD}; server_max_window_bits=10`,
      { serverMaxWindowBits: 10, clientMaxWindowBits: 10 },
    ],
  ]
  for (const [name, offers, expected, policy] of CASES) {
    test(name, () => {
      assert.equal(chosen(offers, policy), expected)
    })
  }

  test('a server that does not compress', () => {
    assert.equal(chosen(PMD, undefined), PMD)
    const judgement = judged({ 'sec-websocket-extensions': PMD }, {})
    assert.ok(judgement.accepted && judgement.agreement.deflate === undefined, 'it is taken without')
  })

  test('what a client takes for an answer to its offers', () => {
    const taken = (deflate: NonNullable<WebSocketWish['deflate']>, extensions: string) => {
      const answer = judgeAnswer(
        { status: 101, fields: fieldsOf({ ...ANSWER, 'sec-websocket-extensions': extensions }) },
        { deflate },
        KEY,
      )
      return answer.accepted ? answer.agreement.deflate : undefined
    }
    const plain = {
      serverNoContextTakeover: false,
      clientNoContextTakeover: false,
      serverMaxWindowBits: 15,
      clientMaxWindowBits: 15,
    }
    assert.deepEqual(taken([{}], PMD), plain)
    assert.deepEqual(taken([{ clientMaxWindowBits: 12 }], PMD), { ...plain, clientMaxWindowBits: 12 })
    assert.deepEqual(taken([{ clientMaxWindowBits: true }], `${PMD}; client_max_window_bits=8`), {
      ...plain,
      clientMaxWindowBits: 8,
    })
    assert.equal(taken([{}], `${PMD}; client_max_window_bits=8`), undefined, 'it said nothing of being told')
    assert.equal(taken([{ clientMaxWindowBits: 10 }], `${PMD}; client_max_window_bits=11`), undefined)
    assert.equal(taken([{ serverMaxWindowBits: 10 }], PMD), undefined, 'the server does not say that it obeys')
    assert.equal(taken([{ serverMaxWindowBits: 10 }], `${PMD}; server_max_window_bits=11`), undefined)
    assert.deepEqual(taken([{ serverMaxWindowBits: 10 }, {}], PMD), plain, 'the second offer was taken')
    assert.equal(taken([{ serverNoContextTakeover: true }], PMD), undefined)
    assert.deepEqual(taken([{}], `${PMD}; server_no_context_takeover; client_no_context_takeover`), {
      ...plain,
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    })
  })

  test('every offer and every policy: the client takes what the server answers, and both mean the same', () => {
    const bits = [undefined, 8, 11, 15] as const
    for (const serverNoContextTakeover of [false, true]) {
      for (const clientNoContextTakeover of [false, true]) {
        for (const serverMaxWindowBits of bits) {
          for (const clientMaxWindowBits of [...bits, true] as const) {
            const offer = {
              serverNoContextTakeover,
              clientNoContextTakeover,
              ...(serverMaxWindowBits === undefined ? {} : { serverMaxWindowBits }),
              ...(clientMaxWindowBits === undefined ? {} : { clientMaxWindowBits }),
            }
            for (const policy of [
              {},
              { serverNoContextTakeover: true, serverMaxWindowBits: 9 },
              { clientNoContextTakeover: true, clientMaxWindowBits: 9 },
            ]) {
              const wish = { deflate: [offer] }
              const fields = [
                ...openingFields(wish, KEY),
                ...fieldsOf({ host: 'a', upgrade: 'websocket', connection: 'Upgrade' }),
              ]
              const judgement = judgeUpgrade({ method: 'GET', minorVersion: 1, fields }, { deflate: policy })
              assert.ok(judgement.accepted, 'the server agrees')
              const answer = [...fieldsOf({ upgrade: 'websocket', connection: 'Upgrade' }), ...judgement.fields]
              assert.deepEqual(judgeAnswer({ status: 101, fields: answer }, wish, KEY), {
                accepted: true,
                agreement: judgement.agreement,
              })
            }
          }
        }
      }
    }
  })

  test('windows that there are not are faults of ours', () => {
    assert.throws(() => openingFields({ deflate: [{ serverMaxWindowBits: 7 }] }), RangeError)
    assert.throws(() => openingFields({ deflate: [{ clientMaxWindowBits: 16 }] }), RangeError)
    assert.throws(() => chosen(PMD, { serverMaxWindowBits: 20 }), RangeError)
    assert.throws(() => openingFields({ protocols: ['a', 'a'] }), RangeError)
    assert.throws(() => openingFields({ protocols: ['a b'] }), RangeError)
  })
})

describe('RFC 8441 section 5: over HTTP/2', () => {
  const wish: WebSocketWish = { protocols: ['chat'], deflate: [{}] }

  test('no key, nothing about the connection', () => {
    const fields = openingFields(wish)
    assert.deepEqual(
      fields.map(({ name }) => name),
      ['sec-websocket-version', 'sec-websocket-protocol', 'sec-websocket-extensions'],
    )
    const judgement = judgeConnect({ method: 'CONNECT', protocol: 'websocket', fields }, { protocols: ['chat'], deflate: {} })
    assert.ok(judgement.accepted, 'the server agrees')
    assert.deepEqual(
      judgement.fields,
      fieldsOf({ 'sec-websocket-protocol': 'chat', 'sec-websocket-extensions': 'permessage-deflate' }),
    )
    assert.deepEqual(judgeAnswer({ status: 200, fields: judgement.fields }, wish), {
      accepted: true,
      agreement: judgement.agreement,
    })
    assert.equal(judgeAnswer({ status: 404, fields: [] }, wish).accepted, false)
  })

  test('another protocol, another version', () => {
    const other = judgeConnect({ method: 'CONNECT', protocol: 'webtransport', fields: [] })
    assert.ok(!other.accepted && other.status === 501 && other.cites === 'RFC 9220 section 3', 'it is refused')
    const old = judgeConnect({ method: 'CONNECT', protocol: 'websocket', fields: fieldsOf({ 'sec-websocket-version': '8' }) })
    assert.ok(!old.accepted && old.status === 426, 'it is refused')
    assert.deepEqual(old.fields, fieldsOf({ 'sec-websocket-version': '13' }), 'Upgrade does not exist in HTTP/2')
  })
})
