import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Http3Client } from '../../src/protocols/http3/client.ts'
import type { Http3ClientEvent } from '../../src/protocols/http3/event.ts'
import { QuicClient } from '../../src/protocols/quic/client.ts'
import type { QuicEvent } from '../../src/protocols/quic/event.ts'
import type { QuicClientOptions } from '../../src/protocols/quic/options.ts'
import type { QuicSession } from '../../src/protocols/quic/session.ts'
import { hashOf, noise } from './body.ts'
import { DatagramPump, openPlug } from './datagram-socket.ts'
import { clientOptions } from '../protocols/tls/tls-pair.ts'
import { pemFolder } from './tls-peers.ts'

/*
 * Our client of QUIC and HTTP/3 alone, upon real UDP sockets, and real servers that it can get files from.
 */

const LOOPBACK = 0x7f00_0001
// Of an empty file, gtlsserver says that it is not there.
const SIZES: Readonly<Record<string, number>> = { '1.bin': 1, '100k.bin': 100_000, '2M.bin': 2_000_000 }
const PATIENCE = 60_000

/** Below those that the system gives to whoever wants any, and apart from those of other processes that do the same just now. */
let ports = 20_000 + ((process.pid * 64) % 12_000)

interface Server {
  readonly port: number
  stop(): Promise<void>
}

export type Start = (folder: string, certificate: string, port: number) => readonly string[]

export const gtlsserver =
  (...options: string[]): Start =>
  (folder, certificate, port) => [
    'gtlsserver',
    '-q',
    '--no-quic-dump',
    '--no-http-dump',
    '-d',
    folder,
    ...options,
    '127.0.0.1',
    String(port),
    certificate,
    certificate,
  ]

export const caddy: Start = (folder, certificate, port) => {
  const configuration = `{
  admin off
  auto_https off
}
https://bob:${String(port)} {
  bind 127.0.0.1
  tls ${certificate} ${certificate}
  root * ${folder}
  file_server
}
`
  writeFileSync(join(folder, 'Caddyfile'), configuration)
  return ['env', `HOME=${folder}`, 'caddy', 'run', '--config', join(folder, 'Caddyfile')]
}

/** Starts a program that serves a folder with noise in it. */
export function serve(start: Start): Server {
  const folder = mkdtempSync(join(tmpdir(), 'packetarium-quic-'))
  for (const [name, size] of Object.entries(SIZES)) writeFileSync(join(folder, name), noise(size))
  const pem = pemFolder()
  const port = ++ports
  const [program = '', ...args] = start(folder, pem.file('ec-p256.pem'), port)
  const child = spawn(program, args, { cwd: folder, stdio: 'ignore' })
  const ended = new Promise<void>((done) => child.on('close', done))
  return {
    port,
    stop: async () => {
      child.kill('SIGKILL')
      await ended
      pem.remove()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

export interface Got {
  readonly bodies: Readonly<Record<string, string>>
  readonly events: readonly QuicEvent[]
  readonly session: QuicSession | undefined
  readonly token: Uint8Array | undefined
}

export interface Wish {
  readonly paths?: readonly string[]
  readonly loss?: number
  readonly isMeddledWith?: boolean
  /** How many bytes each request brings along; 0: none, and it is a GET. */
  readonly upload?: number
  readonly quic?: Partial<QuicClientOptions>
  /** Is told of the bytes of bodies that have come. */
  readonly progress?: (bytes: number, client: QuicClient, pump: DatagramPump<QuicEvent>) => void
}

/** Gets some files, all at once, and hears of them by their hashes. */
export async function get(port: number, wish: Wish = {}): Promise<Got> {
  const { paths = Object.keys(SIZES), loss = 0, isMeddledWith = false, upload = 0, quic = {}, progress } = wish
  const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))
  const plug = await openPlug()
  const client = new QuicClient({
    tls: { ...clientOptions(), random, alpn: ['h3'] },
    local: plug.local,
    remote: { address: LOOPBACK, port },
    ...quic,
  })
  const events: QuicEvent[] = []
  const chunks = new Map<string, Uint8Array[]>()
  const bodies: Record<string, string> = {}
  let http: Http3Client | undefined
  let session: QuicSession | undefined
  let token: Uint8Array | undefined
  let received = 0
  let streams = new Map<number, string>()
  return new Promise<Got>((done, fail) => {
    const timer = setTimeout(() => {
      pump.stop()
      fail(new Error(`it took too long; ${events.map(({ type }) => type).join(' ')}`))
    }, PATIENCE)
    const end = (error?: Error): void => {
      clearTimeout(timer)
      pump.stop()
      if (error === undefined) done({ bodies, events, session, token })
      else fail(error)
    }
    const ask = (): void => {
      http ??= new Http3Client(client)
      streams = new Map()
      for (const path of paths) {
        const method = upload > 0 ? 'POST' : 'GET'
        const authority = `bob:${String(port)}`
        const stream = http.request({ method, scheme: 'https', authority, path: `/${path}`, fields: [], body: upload })
        const body = noise(upload)
        if (upload > 0) http.sendSource(stream, { length: upload, read: (at, most) => body.subarray(at, at + most) })
        chunks.set(path, [])
        streams.set(stream, path)
      }
    }
    const take = (event: Http3ClientEvent): void => {
      if (event.type === 'closed' && event.error !== undefined) end(new Error(event.error.detail))
      if (event.type === 'reset' && !event.isUnprocessed) end(new Error(event.error.detail))
      if (!('stream' in event)) return
      const path = streams.get(event.stream) ?? ''
      if (event.type === 'response') assert.equal(event.status, 200)
      if (event.type === 'data') {
        chunks.get(path)?.push(event.bytes.slice())
        received += event.bytes.length
        progress?.(received, client, pump)
      }
      if (event.type === 'end') bodies[path] = hashOf(Buffer.concat(chunks.get(path) ?? []))
      if (Object.keys(bodies).length === paths.length) client.close(0x100)
    }
    const pump = new DatagramPump<QuicEvent>(
      client,
      (event) => {
        events.push(event)
        if (event.type === 'ticket') ({ session } = event)
        if (event.type === 'new-token') ({ token } = event)
        if (event.type === 'early-data-allowed') ask()
        if (event.type === 'connected' && http === undefined) ask()
        http?.handle(event as Parameters<Http3Client['handle']>[0], 0)
        if (event.type === 'early-data' && event.outcome === 'rejected') ask()
        for (let told = http?.pollEvent(); told !== undefined; told = http?.pollEvent()) take(told)
        if (event.type === 'closed') end(event.error && new Error(`${event.error.name}: ${event.error.detail}`))
      },
      loss,
      isMeddledWith,
    )
    pump.join(plug)
    pump.flush()
  })
}

export const expected = (paths: readonly string[] = Object.keys(SIZES)): Record<string, string> =>
  Object.fromEntries(paths.map((path) => [path, hashOf(noise(SIZES[path]))]))
export const count = (events: readonly QuicEvent[], type: QuicEvent['type']): number =>
  events.filter((event) => event.type === type).length
