import { MS, ScriptedTrace } from './scripted-run.ts'

/** Bytes of a stream in one packet. */
const PIECE = 1200

const FILES = ['a.webp', 'b.webp', 'c.webp']

/** The packet that is lost: the second one of the second picture. */
const LOST = 4

/**
 * Three pictures over HTTP/3, of four packets each, by turns, 2 ms apart. One packet is lost at 118 ms and sent again, to come at 170 ms;
 * from 132 ms on there is something that waits for it. All is over at 170 ms.
 */
export function quicLoad(): ScriptedTrace {
  const trace = new ScriptedTrace()
  const [, connection] = trace.connections
  const on = (time: number, host: number, name: string, data: Record<string, string | number | boolean>, cause = 0): void => {
    trace.eventAt(time, host, name, data, cause, connection)
  }
  on(0, 0, 'quic:connection-started', { role: 'client' })
  on(20 * MS, 1, 'quic:connection-started', { role: 'server' })
  FILES.forEach((name, index) => {
    trace.eventAt(60 * MS, 0, 'fetch:queued', { id: index + 1, url: `https://bob/${name}` })
    on(60 * MS, 0, 'fetch:phase-started', { id: index + 1, phase: 'sending', stream: index * 4 })
  })
  const next = [0, 0, 0]
  const came = FILES.map(() => new Set<number>())
  const arrivals: (() => void)[] = []
  const send = (ms: number, index: number, piece: number, lost = false): void => {
    const bytes = { stream: index * 4, offset: piece * PIECE, length: PIECE }
    on(ms * MS, 1, 'quic:stream-sent', bytes)
    const time = (ms + 20) * MS
    const fate = lost ? ({ fate: 'random-loss', fateAt: (ms + 10) * MS } as const) : { fateAt: time }
    const frame = trace.frameAt(ms * MS, 1, 'udp', { length: 1270, arrives: time, ...fate })
    if (lost) return
    arrivals.push(() => {
      on(time, 0, 'quic:stream-received', { ...bytes, packet: frame.number }, frame.id)
      came[index].add(piece)
      const from = next[index]
      while (came[index].has(next[index])) next[index]++
      const length = (next[index] - from) * PIECE
      if (length > 0) on(time, 0, 'quic:stream-delivered', { stream: index * 4, offset: from * PIECE, length })
    })
  }
  for (let packet = 0; packet < 12; packet++) send(100 + packet * 2, packet % 3, Math.floor(packet / 3), packet === LOST)
  send(150, LOST % 3, Math.floor(LOST / 3))
  for (const arrive of arrivals) arrive()
  trace.allEvents.sort((a, b) => a.time - b.time || a.id - b.id)
  return trace
}
