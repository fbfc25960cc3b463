import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createNodeServer } from 'node:tls'
import type { TlsOptions } from 'node:tls'
import { publicKeyOf } from '../../src/crypto/signature.ts'
import { TlsClient } from '../../src/protocols/tls/client.ts'
import type { TlsEvent } from '../../src/protocols/tls/event.ts'
import type { TlsClientOptions, TlsServerOptions } from '../../src/protocols/tls/options.ts'
import { TlsServer } from '../../src/protocols/tls/server.ts'
import type { Credentials } from '../../src/protocols/x509/credentials.ts'
import { encodePem } from '../../src/wire/pem.ts'
import { encodePrivateKeyInfo } from '../../src/wire/x509-key.ts'
import { clientOptions, credentialsOf, root, serverOptions } from '../protocols/tls/tls-pair.ts'
import { pump } from './endpoint-socket.ts'
import type { Pump } from './endpoint-socket.ts'

// Our ends of TLS over plain sockets of this machine, and programs that nobody here wrote at the other.

const PATIENCE = 20_000

/** A folder with the authority's certificate, and the server's and the client's with their keys, in PEM. */
export interface PemFolder {
  readonly path: string
  file(name: string): string
  remove(): void
}

function pemOf({ chain, privateKey }: Credentials): string {
  const key = encodePrivateKeyInfo(privateKey, publicKeyOf(privateKey))
  return chain.map((der) => encodePem('CERTIFICATE', der)).join('') + encodePem('PRIVATE KEY', key)
}

export function pemFolder(): PemFolder {
  const path = mkdtempSync(join(tmpdir(), 'packetarium-tls-'))
  const file = (name: string): string => join(path, name)
  writeFileSync(file('ca.pem'), encodePem('CERTIFICATE', root().certificate))
  for (const key of ['ec-p256', 'ed25519', 'rsa'] as const) writeFileSync(file(`${key}.pem`), pemOf(credentialsOf(key)))
  writeFileSync(file('client.pem'), pemOf(credentialsOf('ec-p256', 'client')))
  return {
    path,
    file,
    remove: () => {
      rmSync(path, { recursive: true, force: true })
    },
  }
}

/** One of our ends, with all that it has told. */
export class Peer {
  readonly events: TlsEvent[] = []
  private pump: Pump | undefined
  private received = ''
  private readonly waiting: { readonly isThere: () => boolean; readonly done: () => void }[] = []

  constructor(
    readonly tls: TlsClient | TlsServer,
    private readonly react: (peer: Peer, event: TlsEvent) => void,
  ) {}

  attach(socket: Parameters<typeof pump>[1]): void {
    this.pump = pump(this.tls, socket, (event) => {
      this.events.push(event)
      if (event.type === 'data') this.received += Buffer.from(event.bytes).toString('latin1')
      this.react(this, event)
      for (const one of this.waiting.splice(0)) {
        if (one.isThere()) one.done()
        else this.waiting.push(one)
      }
    })
  }

  get text(): string {
    return this.received
  }

  say(text: string): void {
    this.tls.send(Buffer.from(text, 'latin1'))
    this.pump?.flush()
  }

  /** Any command, and then what comes of it. */
  do(command: (tls: TlsClient | TlsServer) => void): void {
    command(this.tls)
    this.pump?.flush()
  }

  event<Type extends TlsEvent['type']>(type: Type): Extract<TlsEvent, { type: Type }> | undefined {
    return this.events.find((event): event is Extract<TlsEvent, { type: Type }> => event.type === type)
  }

  count(direction: 'sent' | 'received', name: string): number {
    return this.events.filter((event) => event.type === 'message' && event.direction === direction && event.name === name).length
  }

  async until(what: string, isThere: () => boolean): Promise<void> {
    if (isThere()) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${what} did not come; ${JSON.stringify(this.events.map(briefly))}`))
      }, PATIENCE)
      this.waiting.push({
        isThere,
        done: () => {
          clearTimeout(timer)
          resolve()
        },
      })
    })
  }

  async untilText(text: string): Promise<void> {
    await this.until(`'${text}'`, () => this.received.includes(text))
  }

  async untilEvent(type: TlsEvent['type']): Promise<void> {
    await this.until(type, () => this.event(type) !== undefined)
  }
}

function briefly(event: TlsEvent): string {
  if (event.type === 'message' || event.type === 'alert') return `${event.direction} ${event.name}`
  if (event.type === 'closed') return `closed: ${event.error?.detail ?? 'well'}`
  return event.type
}

export interface OurServer {
  readonly port: number
  /** Connections so far, in order. */
  readonly peers: Peer[]
  close(): void
}

/** Listens on a port of its own choice. @param react told of every event of every connection */
export async function serve(
  wish: Partial<TlsServerOptions>,
  react: (peer: Peer, event: TlsEvent) => void = echo,
): Promise<OurServer> {
  const peers: Peer[] = []
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))
    const peer = new Peer(new TlsServer(serverOptions({ random, ...wish })), react)
    peers.push(peer)
    peer.attach(socket)
  })
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  const { port } = server.address() as AddressInfo
  return { port, peers, close: () => server.close() }
}

/** Says every line again, in brackets, and ends when the other does. */
export function echo(peer: Peer, event: TlsEvent): void {
  if (event.type === 'data') peer.tls.send(Buffer.from(`[${Buffer.from(event.bytes).toString('latin1').trim()}]\n`, 'latin1'))
  if (event.type === 'ended') peer.tls.end()
}

/** Connects one of our clients. */
export async function connectTo(port: number, wish: Partial<TlsClientOptions> = {}): Promise<Peer> {
  const random = (length: number): Uint8Array => crypto.getRandomValues(new Uint8Array(length))
  const peer = new Peer(new TlsClient(clientOptions({ random, ...wish })), () => undefined)
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await new Promise<void>((done, fail) => {
    socket.once('connect', done)
    socket.once('error', fail)
  })
  peer.attach(socket)
  return peer
}

/** One of our clients sends a megabyte to Node's tls, and gets it back. */
export async function exchangeMegabyte(pem: PemFolder, options: TlsOptions): Promise<void> {
  const key = readFileSync(pem.file('ec-p256.pem'))
  const node = createNodeServer({ key, cert: key, ...options }, (socket) => {
    socket.pipe(socket)
  })
  await new Promise<void>((done) => {
    node.listen(0, '127.0.0.1', done)
  })
  const peer = await connectTo((node.address() as AddressInfo).port)
  const text = 'packets '.repeat(131_072)
  peer.say(text)
  await peer.until('all of it', () => peer.text.length === text.length)
  assert.equal(peer.text, text)
  peer.do((tls) => {
    tls.end()
  })
  await peer.untilEvent('closed')
  assert.equal(peer.event('closed')?.error, undefined)
  node.close()
}

/** A program that is running. */
export class Program {
  output = ''
  private readonly child: ChildProcessWithoutNullStreams
  private readonly waiting: { readonly pattern: RegExp; readonly done: () => void }[] = []
  private readonly ended: Promise<number | null>

  constructor(program: string, parameters: readonly string[]) {
    this.child = spawn(program, parameters)
    const hear = (chunk: Buffer): void => {
      this.output += chunk.toString('latin1')
      for (const one of this.waiting.splice(0)) {
        if (one.pattern.test(this.output)) one.done()
        else this.waiting.push(one)
      }
    }
    this.child.stdout.on('data', hear)
    this.child.stderr.on('data', hear)
    this.child.stdin.on('error', () => undefined)
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject)
      this.child.on('close', resolve)
    })
  }

  type(text: string): void {
    this.child.stdin.write(text)
  }

  async until(pattern: RegExp): Promise<void> {
    if (pattern.test(this.output)) return
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`${String(pattern)} did not come:\n${this.output}`))
      }, PATIENCE)
      this.waiting.push({
        pattern,
        done: () => {
          clearTimeout(timer)
          resolve()
        },
      })
    })
  }

  /** Closes its input, and waits for its end. */
  async end(): Promise<number | null> {
    this.child.stdin.end()
    const timer = setTimeout(() => this.child.kill('SIGKILL'), PATIENCE)
    const code = await this.ended
    clearTimeout(timer)
    return code
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }
}

/** A port of this machine that nobody uses. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
