import { SocketError, type AppContext, type Blocking, type TcpSocket } from '../../src/host/socket.ts'
import { decodeIpv4 } from '../../src/wire/ipv4.ts'
import { decodeIpv6 } from '../../src/wire/ipv6.ts'
import { decodeTcp, TcpFlag, TcpSegment } from '../../src/wire/tcp.ts'
import { ip, type SentFrame, type World } from './world.ts'

export type Body = (context: AppContext) => Blocking<void>

export const BOB = { address: ip('10.0.0.2'), port: 80 }
export const FAR_BOB = { address: ip('10.0.2.1'), port: 80 }

export function filler(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let i = 0, x = seed; i < length; i++) {
    x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0
    bytes[i] = x >>> 16
  }
  return bytes
}

/** All until the peer's FIN. */
export function* readAll(socket: TcpSocket): Blocking<Uint8Array> {
  const pieces: Uint8Array[] = []
  for (;;) {
    const piece = yield* socket.read()
    if (piece === undefined) break
    pieces.push(piece)
  }
  return new Uint8Array(Buffer.concat(pieces))
}

/** Runs a blocking operation; its error's code, or 'none'. */
export function* codeOf(operation: Blocking<unknown>): Blocking<string> {
  try {
    yield* operation
    return 'none'
  } catch (error) {
    if (!(error instanceof SocketError)) throw error
    return error.code
  }
}

/** Accepts and serves each connection in a task of its own. */
export function server(serve: (socket: TcpSocket, context: AppContext) => Blocking<void>, port = 80): Body {
  return function* (context) {
    const listener = context.sockets.listen(port)
    for (;;) context.spawn(serve(yield* listener.accept(), context))
  }
}

export function* echo(socket: TcpSocket): Blocking<void> {
  for (;;) {
    const bytes = yield* socket.read()
    if (bytes === undefined) break
    yield* socket.write(bytes)
  }
  socket.close()
}

export interface Seen {
  readonly frame: SentFrame
  readonly segment: TcpSegment
}

export function segments(world: World, from?: string): Seen[] {
  return world.frames
    .filter(
      (frame) =>
        frame.bytes[12] === 8 && frame.bytes[13] === 0 && frame.bytes[23] === 6 && (from === undefined || frame.from === from),
    )
    .map((frame) => {
      const { payloadStart, payloadEnd } = decodeIpv4(frame.bytes, 14, frame.bytes.length)
      return { frame, segment: decodeTcp(frame.bytes, payloadStart, payloadEnd, new TcpSegment()) }
    })
}

/** The same of IPv6, without extension headers. */
export function segments6(world: World, from?: string): Seen[] {
  return world.frames
    .filter(
      ({ bytes, from: sender }) =>
        bytes[12] === 0x86 && bytes[13] === 0xdd && bytes[20] === 6 && (from === undefined || sender === from),
    )
    .map((frame) => {
      const { payloadStart, payloadEnd } = decodeIpv6(frame.bytes, 14, frame.bytes.length)
      return { frame, segment: decodeTcp(frame.bytes, payloadStart, payloadEnd, new TcpSegment()) }
    })
}

export function flags(world: World, from?: string): string[] {
  return segments(world, from).map(({ segment }) =>
    (Object.keys(TcpFlag) as (keyof typeof TcpFlag)[]).filter((name) => (segment.flags & TcpFlag[name]) !== 0).join(' '),
  )
}

export function setChecksum(bytes: Uint8Array, start: number, end: number, at: number): void {
  let total = 0
  for (let i = start; i < end; i += 2) total += (bytes[i] << 8) | (bytes[i + 1] ?? 0)
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16)
  bytes[at] = ~total >>> 8
  bytes[at + 1] = ~total
}
