import { MS, ScriptedTrace } from './scripted-run.ts'

/** One segment's worth of a response. */
const SEGMENT = 1448

/** Sequence number of the first byte of the responses. */
const SEQ = 5000

/** A page as it is written down: its resources with their kinds and lengths, in the order in which they are asked for. */
const FILES: readonly (readonly [name: string, kind: string, priority: string, bytes: number])[] = [
  ['', 'document', 'highest', 5 * SEGMENT],
  ['style.css', 'stylesheet', 'highest', 4 * SEGMENT],
  ['app.js', 'script', 'high', 6 * SEGMENT],
  ['inter-latin-400-normal.woff2', 'font', 'highest', 5 * SEGMENT],
  ['hero.avif', 'image', 'high', 9 * SEGMENT],
  ['a-photograph-with-a-rather-long-name-of-its-own.jpg', 'image', 'medium', 6 * SEGMENT],
  ['icon.svg', 'image', 'low', SEGMENT],
  ['analytics.js?v=3', 'script', 'low', 2 * SEGMENT],
]

/**
 * A page over HTTP/2: connects, shakes hands, gets its document, then seven files at once. One segment of the third is lost, and comes
 * again 45 ms later; meanwhile those of others wait behind it. All is over at 400 ms.
 * @param start when it begins, in ns
 * @param extra how many more pictures it has
 */
export function pageLoad(trace = new ScriptedTrace(), start = 0, extra = 0, firstId = 1): ScriptedTrace {
  const [, connection] = trace.connections
  const on = (time: number, host: number, name: string, data: Record<string, string | number | boolean>, cause = 0): void => {
    trace.eventAt(time, host, name, data, cause, connection)
  }
  const files = [
    ...FILES,
    ...Array.from({ length: extra }, (_, index) => [`picture-${String(index + 1)}.jpg`, 'image', 'low', SEGMENT] as const),
  ]
  const at = (ms: number): number => start + Math.round(ms * MS)
  const url = (name: string): string => `https://bob/${name}`
  trace.eventAt(at(0), 0, 'page:started', { url: url('') })
  const queue = (ms: number, index: number): void => {
    const [name, kind, priority] = files[index]
    trace.eventAt(at(ms), 0, 'fetch:queued', {
      id: firstId + index,
      url: url(name),
      kind,
      priority,
      initiator: index === 0 ? 0 : firstId,
      renderBlocking: kind === 'stylesheet',
    })
  }
  const streamOf = (index: number): number => (firstId + index) * 2 - 1
  const phase = (ms: number, index: number, name: string, cause = 0): void => {
    const stream = ['sending', 'waiting', 'receiving'].includes(name) ? { stream: streamOf(index) } : {}
    trace.eventAt(
      at(ms),
      0,
      'fetch:phase-started',
      { id: firstId + index, phase: name, ...stream },
      cause,
      'stream' in stream ? connection : '',
    )
  }
  queue(0, 0)
  phase(2, 0, 'dns')
  phase(6, 0, 'connect')
  phase(46, 0, 'tls')
  phase(88, 0, 'sending')
  on(at(88), 0, 'http:request-sent', { id: firstId, method: 'GET' })
  phase(88.2, 0, 'waiting')
  /** Which file each segment belongs to: the document, then the others by turns. */
  const order: number[] = Array<number>(5).fill(0)
  const left = files.map(([, , , bytes]) => bytes / SEGMENT)
  left[0] = 0
  while (left.some((count) => count > 0)) left.forEach((count, index) => count > 0 && (order.push(index), left[index]--))
  const lost = order.indexOf(2, 14)
  /** When the lost one is sent again, and comes; 0: not lost yet, or there already. */
  let again = 0
  let waiting = 0
  const begun = new Set<number>()
  const received = files.map(() => 0)
  const end = (ms: number, index: number): void => {
    received[index]++
    if (!begun.has(index)) {
      begun.add(index)
      phase(ms, index, 'receiving', trace.all_.at(-1)?.id ?? 0)
      on(at(ms), 0, 'http:response-started', { id: firstId + index, status: index === 7 ? 404 : 200 })
    }
    if (received[index] * SEGMENT < files[index][3]) return
    on(at(ms), 0, 'fetch:ended', {
      id: firstId + index,
      status: index === 7 ? 404 : 200,
      bytes: files[index][3],
      outcome: 'complete',
      protocol: 'h2',
    })
  }
  const segment = (ms: number, number: number, more: object): void => {
    trace.frameAt(at(ms), 1, 'tcp-data', {
      length: 1514,
      seq: SEQ + number * SEGMENT,
      payload: SEGMENT,
      arrives: at(ms + 20),
      fateAt: at(ms + 20),
      ...more,
    })
  }
  const held: number[] = []
  /** Sends the lost one again, when it is time. */
  const repair = (now: number, number: number): void => {
    if (again > 0 && now >= again) {
      segment(again, lost, { mark: 1 })
      again = 0
    }
    if (waiting === 0 || now + 20 < waiting) return
    on(at(waiting), 0, 'tcp:delivered', { offset: lost * SEGMENT, length: (number - lost) * SEGMENT })
    for (const index of [2, ...held]) end(waiting, index)
    waiting = 0
  }
  let ms = 110
  order.forEach((index, number) => {
    if (number === 5) {
      for (let file = 1; file < files.length; file++) {
        queue(136 + file * 0.1, file)
        phase(138 + file * 0.1, file, 'sending')
        on(at(138 + file * 0.1), 0, 'http:request-sent', { id: firstId + file, method: 'GET' })
        phase(138.05 + file * 0.1, file, 'waiting')
      }
      ms = 180
    }
    on(at(ms - 0.1), 1, 'http2:frame-sent', {
      stream: streamOf(index),
      type: 'DATA',
      length: SEGMENT - 9,
      from: number * SEGMENT,
      to: (number + 1) * SEGMENT,
    })
    repair(ms, number)
    segment(ms, number, number === lost ? { fate: 'random-loss', fateAt: at(ms + 8) } : {})
    const arrival = ms + 20
    if (number === lost) {
      again = ms + 45
      waiting = ms + 65
    } else if (waiting > 0) {
      held.push(index)
      const [offset, missingOffset] = [number * SEGMENT, lost * SEGMENT]
      const seq = SEQ + offset
      on(at(arrival), 0, 'tcp:out-of-order-buffered', {
        seq,
        length: SEGMENT,
        missingFrom: SEQ + missingOffset,
        offset,
        missingOffset,
      })
    } else {
      on(at(arrival), 0, 'tcp:delivered', { offset: number * SEGMENT, length: SEGMENT })
      end(arrival, index)
    }
    ms += 2.4
  })
  repair(Infinity, order.length)
  ms = Math.max(ms, 275)
  const over = ms + 20
  const done = (time: number, name: string): void => {
    trace.eventAt(at(time), 0, `page:${name}`, { url: url(''), duration: time * MS })
  }
  trace.frameAt(at(over), 0, 'tcp-ack')
  done(280, 'first-rendered')
  done(283, 'parsed')
  done(over, 'rendered')
  done(over + 9, 'loaded')
  trace.allEvents.sort((a, b) => a.time - b.time || a.id - b.id)
  return trace
}
