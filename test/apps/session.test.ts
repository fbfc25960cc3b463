import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, test } from 'node:test'
import { readToken, signToken } from '../../src/apps/session/json-web-token.ts'
import type { AppContext, Blocking } from '../../src/host/socket.ts'
import { createApp } from '../../src/apps/registry.ts'
import { World } from '../host/world.ts'
import { ask, dial } from './live-talk.ts'

const MS = 1e6
const S = 1e9
const KEY = Buffer.from('a-key-that-all-the-servers-share-')

const ONE = '10.0.0.1'
const TWO = '10.0.0.3'

type Body = (context: AppContext) => Blocking<void>
type Kind = 'memory' | 'redis' | 'jwt'

/** Two servers, a Redis, and clients. */
function lab(sessions: Kind, clients: readonly Body[], options: Record<string, unknown> = {}): World {
  const redis = { to: '10.0.0.4', port: 6379, timeout: 500 * MS }
  const server = (): unknown => createApp('session-server', { sessions, redis, ...options })
  return new World({
    hosts: {
      one: { apps: [server() as Body] },
      clients: { apps: clients, names: { one: '10.0.0.1' } },
      two: { apps: [server() as Body] },
      redis: { apps: [createApp('redis-server', {})] },
      switch: { kind: 'switch' },
    },
    links: [
      { between: ['one 10.0.0.1/24', 'switch'], delay: 5 * MS },
      { between: ['clients 10.0.0.2/24', 'switch'], delay: 5 * MS },
      { between: ['two 10.0.0.3/24', 'switch'], delay: 5 * MS },
      { between: ['redis 10.0.0.4/24', 'switch'], delay: 5 * MS },
    ],
  })
}

function* at(context: AppContext, address: string, target: string, { body = '', cookie = '' } = {}) {
  const socket = yield* dial(context, address)
  const answer = yield* ask(context, target, { socket, body, fields: cookie === '' ? '' : `Cookie: theme=dark; ${cookie}\r\n` })
  socket.close()
  return answer
}

/** Logs in and @returns the cookie as it is sent back. */
function* login(context: AppContext, address: string, user = 'ann'): Blocking<string> {
  const { status, head } = yield* at(context, address, '/login', { body: `user=${user}` })
  assert.equal(status, 200)
  const [, cookie = ''] = /^set-cookie: ([^;]+);/im.exec(head) ?? []
  return cookie
}

function sound(world: World): World {
  assert.deepEqual(
    world.happened('app:failed').map(({ data }) => data),
    [],
  )
  return world
}

/** Status of `/me` at the first server, at the second, there after the first has gone, and after a logout. */
function whoKnows(sessions: Kind): { statuses: number[]; world: World } {
  const statuses: number[] = []
  const world = lab(sessions, [
    function* (context) {
      const cookie = yield* login(context, ONE)
      for (const address of [ONE, TWO]) statuses.push((yield* at(context, address, '/me', { cookie })).status)
      yield* context.sleep(10 * S - context.environment.now)
      statuses.push((yield* at(context, ONE, '/me', { cookie })).status)
      statuses.push((yield* at(context, TWO, '/logout', { cookie, body: 'x' })).status)
      for (const address of [ONE, TWO]) statuses.push((yield* at(context, address, '/me', { cookie })).status)
    },
  ]).run(5 * S)
  return {
    statuses,
    world: sound(
      world
        .kill('one')
        .restart('one')
        .run(20 * S),
    ),
  }
}

describe('where it is kept who has logged in', () => {
  test('in memory: one server knows, until it is switched off', () => {
    const { statuses, world } = whoKnows('memory')
    assert.deepEqual(statuses, [200, 401, 401, 200, 401, 401])
    assert.ok(
      world.happened('session:checked').every(({ data }) => data['took'] === 0),
      'nobody is asked',
    )
  })

  test('in Redis: all servers know, whoever is switched off, until the logout; and each question costs a round trip', () => {
    const { statuses, world } = whoKnows('redis')
    assert.deepEqual(statuses, [200, 200, 200, 200, 401, 401])
    for (const { data } of world.happened('session:checked')) assert.ok(Number(data['took']) >= 20 * MS, 'two ways of 10 ms')
  })

  test('in a token: all servers know, and a logout does not change that', () => {
    const { statuses, world } = whoKnows('jwt')
    assert.deepEqual(statuses, [200, 200, 200, 200, 200, 200])
    assert.ok(
      world.happened('session:checked').every(({ data }) => data['took'] === 0),
      'nobody is asked',
    )
  })

  test('each ends when its time is up', () => {
    for (const kind of ['memory', 'redis', 'jwt'] as const) {
      const statuses: number[] = []
      const body: Body = function* (context) {
        const cookie = yield* login(context, ONE)
        for (const time of [4 * S, 7 * S]) {
          yield* context.sleep(time - context.environment.now)
          statuses.push((yield* at(context, ONE, '/me', { cookie })).status)
        }
      }
      sound(lab(kind, [body], { lifetime: 5 * S }).run(10 * S))
      assert.deepEqual(statuses, [200, 401], kind)
    }
  })

  test('while there is no Redis nobody is let in, and nobody is taken for a stranger', () => {
    const statuses: number[] = []
    const body: Body = function* (context) {
      const cookie = yield* login(context, ONE)
      yield* context.sleep(5 * S - context.environment.now)
      statuses.push((yield* at(context, ONE, '/me', { cookie })).status)
      statuses.push((yield* at(context, ONE, '/login', { body: 'user=ben' })).status)
      statuses.push((yield* at(context, ONE, '/me')).status)
    }
    sound(
      lab('redis', [body])
        .run(3 * S)
        .kill('redis')
        .run(20 * S),
    )
    assert.deepEqual(statuses, [503, 503, 401])
  })

  test('RFC 6265 section 4.1: the cookie is out of reach of scripts and of other sites; RFC 9110 section 15.5.2: 401 has a challenge', () => {
    const heads: string[] = []
    sound(
      lab('memory', [
        function* (context) {
          heads.push((yield* at(context, ONE, '/login', { body: 'user=ann' })).head)
          heads.push((yield* at(context, ONE, '/me')).head)
          heads.push((yield* at(context, ONE, '/logout', { body: 'x' })).head)
        },
      ]).run(10 * S),
    )
    assert.match(heads[0], /^set-cookie: session=[A-Za-z0-9_-]{22}; Path=\/; Max-Age=3600; HttpOnly; SameSite=Lax\r$/im)
    assert.match(heads[1], /^www-authenticate: Session realm="login"\r$/im)
    assert.match(heads[2], /^set-cookie: session=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax\r$/im)
  })

  test('what is no login is refused', () => {
    const statuses: number[] = []
    sound(
      lab('memory', [
        function* (context) {
          for (const body of [
            'user=',
            'user=Ann',
            'name=ann',
            `user=${'a'.repeat(61)}`,
            'a'.repeat(2000),
            'user=ann&user=ben',
            '\xff',
          ])
            statuses.push((yield* at(context, ONE, '/login', { body })).status)
          for (const path of ['/login', '/logout', '/', '/me?x=1']) statuses.push((yield* at(context, ONE, path)).status)
          statuses.push((yield* at(context, ONE, '/me', { body: 'x' })).status)
        },
      ]).run(10 * S),
    )
    assert.deepEqual(statuses, [400, 400, 400, 400, 400, 400, 400, 405, 405, 404, 401, 405])
  })
})

describe('JSON Web Tokens', () => {
  const claims = { sub: 'ann', iat: 1_767_225_600, exp: 1_767_229_200 }

  test("Node's own HMAC makes the same token of the same claims", () => {
    const [header, payload] = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) =>
      Buffer.from(JSON.stringify(part)).toString('base64url'),
    )
    const signature = createHmac('sha256', KEY).update(`${header}.${payload}`).digest('base64url')
    assert.equal(signToken(claims, KEY), `${header}.${payload}.${signature}`)
    assert.deepEqual(readToken(`${header}.${payload}.${signature}`, KEY, claims.exp - 1), claims)
  })

  test('what a server gives out is one', () => {
    let token = ''
    sound(
      lab('jwt', [
        function* (context) {
          token = (yield* login(context, ONE, 'clients-37')).slice('session='.length)
        },
      ]).run(5 * S),
    )
    const [header, payload, signature] = token.split('.')
    assert.equal(createHmac('sha256', KEY).update(`${header}.${payload}`).digest('base64url'), signature)
    assert.deepEqual(JSON.parse(Buffer.from(payload, 'base64url').toString()), {
      sub: 'clients-37',
      iat: 1_767_225_600,
      exp: 1_767_229_200,
    })
  })

  test('RFC 7519 section 4.1.4: from the second in which it expires on it is not taken', () => {
    const token = signToken(claims, KEY)
    assert.equal(readToken(token, KEY, claims.exp - 1)?.sub, 'ann')
    assert.equal(readToken(token, KEY, claims.exp), undefined)
  })

  test('RFC 8725 section 3.1: a token does not choose how it is checked', () => {
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
    for (const alg of ['none', 'HS512', 'hs256']) {
      const header = Buffer.from(JSON.stringify({ alg, typ: 'JWT' })).toString('base64url')
      const signed = createHmac('sha256', KEY).update(`${header}.${payload}`).digest('base64url')
      for (const signature of ['', signed]) assert.equal(readToken(`${header}.${payload}.${signature}`, KEY, 0), undefined, alg)
    }
  })

  test('another key, and any change of any character, make it worthless', () => {
    const token = signToken(claims, KEY)
    assert.equal(readToken(token, Buffer.from('another-key-of-thirty-two-letters'), 0), undefined)
    for (let i = 0; i < token.length; i++) {
      for (const other of ['A', 'b', '9', '_', '.', '=', '']) {
        const changed = token.slice(0, i) + other + token.slice(i + 1)
        if (changed !== token) assert.equal(readToken(changed, KEY, 0), undefined, changed)
      }
    }
  })

  test('signed by who has the key, but no claims: refused, not believed and no failure', () => {
    const header = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')
    for (const text of [
      '',
      '{',
      'null',
      '[]',
      '"ann"',
      '{"sub":"ann"}',
      '{"sub":1,"iat":0,"exp":9e9}',
      '{"sub":"ann","iat":0,"exp":"9e9"}',
      '{"sub":"é","iat":0,"exp":9e9}',
    ]) {
      const payload = Buffer.from(text).toString('base64url')
      const signature = createHmac('sha256', KEY).update(`${header}.${payload}`).digest('base64url')
      assert.equal(readToken(`${header}.${payload}.${signature}`, KEY, 0), undefined, text)
    }
  })

  test('100,000 tokens that were cut, stretched and bent', () => {
    const token = signToken(claims, KEY)
    let seed = 1
    const next = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0
      return (seed >>> 8) % below
    }
    for (let i = 0; i < 100_000; i++) {
      const units = Array.from(token)
      for (let changes = 1 + next(3); changes > 0; changes--) {
        const place = next(units.length)
        if (next(3) === 0) units.splice(place, 1 + next(20))
        else units[place] = String.fromCharCode(next(256))
      }
      const bent = units.join('')
      if (bent !== token) assert.equal(readToken(bent, KEY, 0), undefined, bent)
    }
  })
})

describe('somebody with a session', () => {
  const client = (options: Record<string, unknown>): Body =>
    createApp('session-client', { server: 'http://one', ...options }) as unknown as Body
  const at = (world: World, name: string): number[] => world.happened(name).map(({ time }) => Math.floor(time / S))

  test('logs in, asks, and logs in again when the server has forgotten him', () => {
    const world = lab('memory', [client({ interval: S })]).run(3.5 * S)
    sound(
      world
        .kill('one')
        .restart('one')
        .run(10 * S),
    )
    assert.deepEqual(at(world, 'session:logged-in'), [0, 4])
    assert.deepEqual(at(world, 'session:lost'), [4])
    const states = world.happened('client:state-changed').map(({ data }) => data['state'])
    assert.deepEqual(states, ['idle', 'connecting', 'connected', 'connecting', 'connected'])
  })

  test('an answer that does not come is no reason to log in again', () => {
    const world = lab('memory', [client({ interval: S, timeout: 500 * MS })]).run(3.5 * S)
    sound(
      world
        .kill('one')
        .run(6.5 * S)
        .restart('one')
        .run(10 * S),
    )
    assert.ok(
      world.happened('session:answered').some(({ data }) => data['status'] === 0),
      'nobody answers',
    )
    assert.equal(world.happened('session:logged-in').length, 2)
  })

  test('a copy of the cookie is worth nothing after the logout, unless it is a token, which is good until it expires', () => {
    const answers = (kind: Kind): unknown[] => {
      const world = sound(lab(kind, [client({ interval: S, logout: 3.5 * S, copied: true })], { lifetime: 6 * S }).run(20 * S))
      assert.deepEqual(at(world, 'session:logged-out'), [3])
      return world.happened('session:copy-answered').map(({ data }) => data['status'])
    }
    assert.deepEqual(answers('memory'), [401])
    assert.deepEqual(answers('redis'), [401])
    assert.deepEqual(answers('jwt'), [200, 200, 200, 401])
  })
})
