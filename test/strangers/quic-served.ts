import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash, type Hash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Http3ServerEvent } from '../../src/protocols/http3/event.ts'
import { Http3Server } from '../../src/protocols/http3/server.ts'
import type { QuicEvent } from '../../src/protocols/quic/event.ts'
import type { QuicServerOptions } from '../../src/protocols/quic/options.ts'
import { QuicServer } from '../../src/protocols/quic/server.ts'
import type { QuicServerEvent } from '../../src/protocols/quic/server.ts'
import { TlsTickets } from '../../src/protocols/tls/tickets.ts'
import { serverOptions } from '../protocols/tls/tls-pair.ts'
import { hashOf, noise } from './body.ts'
import { DatagramPump, openPlug } from './datagram-socket.ts'
import type { Plug } from './datagram-socket.ts'

/*
 * Our server of QUIC and HTTP/3 alone, upon a real UDP socket.
 */

const run = promisify(execFile)

const FILES: Readonly<Record<string, Buffer>> = {
  '/': Buffer.from('<!doctype html><title>x</title><link rel="stylesheet" href="/a.css"><img src="/b.png" alt="">'),
  '/a.css': Buffer.from(`p { color: green } /* ${noise(20_000).toString()} */`),
  '/b.png': noise(50_000),
  '/0.bin': noise(0),
  '/1.bin': noise(1),
  '/2M.bin': noise(2_000_000),
}
const TYPES: Readonly<Record<string, string>> = { '/': 'text/html', '/a.css': 'text/css', '/b.png': 'image/png' }

type Connection = Extract<QuicServerEvent, { type: 'opened' }>['connection']

function random(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length))
}

interface ServedWish {
  readonly quic?: Partial<Omit<QuicServerOptions, 'tls'>>
  readonly tls?: Partial<QuicServerOptions['tls']>
  readonly loss?: number
  readonly isMeddledWith?: boolean
}

/** Serves the files on a port of its own, and keeps what it was told. */
export class Served {
  readonly answers: QuicServerEvent['type'][] = []
  readonly events: QuicEvent[] = []
  readonly requests: string[] = []
  /** SHA-256 of what was sent, in the order in which it was whole. */
  readonly uploads: string[] = []
  port = 0
  private readonly https = new Map<Connection, Http3Server>()
  /** What is being sent, by stream. */
  private readonly posts = new Map<Http3Server, Readonly<Record<number, Hash>>>()
  private readonly pump: DatagramPump<QuicServerEvent>

  constructor({ quic = {}, tls = {}, loss = 0, isMeddledWith = false }: ServedWish) {
    const tickets = new TlsTickets({ random })
    const server = new QuicServer({
      tls: { ...serverOptions({ random }), tickets, alpn: ['h3'], ...tls },
      autoConsume: false,
      ...quic,
    })
    this.pump = new DatagramPump(server, (event) => this.take(event), loss, isMeddledWith)
  }

  /** Takes and sends by a socket, too. */
  join(plug: Plug): void {
    this.port ||= plug.local.port
    this.pump.join(plug)
    this.pump.flush()
  }

  close(): void {
    this.pump.stop()
  }

  told<Type extends QuicEvent['type']>(type: Type): Extract<QuicEvent, { type: Type }>[] {
    return this.events.filter((event): event is Extract<QuicEvent, { type: Type }> => event.type === type)
  }

  private take(event: QuicServerEvent): void {
    if (event.type === 'opened') {
      this.https.set(event.connection, new Http3Server(event.connection))
    } else if (event.type === 'told') {
      this.events.push(event.event)
      const http = this.https.get(event.connection)
      if (http !== undefined) this.tell(http, event.event)
    } else {
      this.answers.push(event.type)
    }
  }

  private tell(http: Http3Server, event: QuicEvent): void {
    switch (event.type) {
      case 'stream-opened':
      case 'stream-data':
      case 'stream-reset':
      case 'stop-sending':
      case 'streams-available':
      case 'draining':
      case 'closed':
        http.handle(event, 0)
        break
      default:
    }
    for (let told = http.pollEvent(); told !== undefined; told = http.pollEvent()) this.take3(http, told)
  }

  private take3(http: Http3Server, event: Http3ServerEvent): void {
    if (event.type === 'request') {
      this.requests.push(event.path)
      if (event.method === 'POST') this.posts.set(http, { ...this.posts.get(http), [event.stream]: createHash('sha256') })
      else this.answer(http, event.stream, event.path)
    } else if (event.type === 'data') {
      this.posts.get(http)?.[event.stream]?.update(event.bytes)
    } else if (event.type === 'end') {
      const hash = this.posts.get(http)?.[event.stream]
      if (hash === undefined) return
      this.uploads.push(hash.digest('hex'))
      this.answer(http, event.stream, '/1.bin')
    }
  }

  private answer(http: Http3Server, stream: number, path: string): void {
    const body = FILES[path] as Buffer | undefined
    const fields = [{ name: 'content-type', value: TYPES[path] ?? 'application/octet-stream' }]
    const response = { status: body === undefined ? 404 : 200, fields, body: body?.length ?? 0 }
    if (!http.respond(stream, response) || body === undefined) return
    http.sendSource(stream, { length: body.length, read: (offset, most) => body.subarray(offset, offset + most) })
  }
}

/** Does something with a server, and clears up. */
export async function serving(
  work: (served: Served, folder: string) => Promise<void>,
  { plugs = [], ...wish }: ServedWish & { readonly plugs?: readonly Plug[] } = {},
): Promise<void> {
  const served = new Served(wish)
  const folder = mkdtempSync(join(tmpdir(), 'packetarium-quic-'))
  try {
    for (const plug of plugs.length > 0 ? plugs : [await openPlug()]) served.join(plug)
    await work(served, folder)
  } finally {
    served.close()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs ngtcp2's client until all that it asked for is there. Rejects when it ends in a fault. */
export async function ask({ port }: Served, folder: string, paths: readonly string[], options: readonly string[]): Promise<void> {
  const common = ['--exit-on-all-streams-close', '--no-quic-dump', '--no-http-dump', '-q', `--download=${folder}`, '--sni=bob']
  const addresses = paths.map((path) => `https://bob${path}`)
  const args = [...common, ...options, '127.0.0.1', String(port), ...addresses]
  await run('gtlsclient', args, { cwd: folder, timeout: 100_000, maxBuffer: 1 << 26 })
}

/** Has it get some paths; what it got is in the folder, and whole. */
export async function get(served: Served, folder: string, paths: readonly string[], ...options: string[]): Promise<void> {
  await ask(served, folder, paths, options)
  for (const path of paths) assert.equal(hashOf(await readFile(join(folder, path.slice(1)))), hashOf(FILES[path]), path)
}

/** Has it send so many bytes; what came is whole. */
export async function send(served: Served, folder: string, length: number, ...options: string[]): Promise<void> {
  const file = join(folder, 'up.bin')
  await writeFile(file, noise(length))
  await ask(served, folder, ['/up'], ['-m', 'POST', '-d', file, ...options])
  assert.equal(served.uploads.at(-1), hashOf(noise(length)))
}
