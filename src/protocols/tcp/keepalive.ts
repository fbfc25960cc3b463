/** Probes on a silent connection: RFC 9293 section 3.8.4, RFC 1122 section 4.2.3.6, with Linux's counts and times. */
import type { Nanos } from '../endpoint.ts'
import type { ControlBlock } from './control-block.ts'
import { TcpTimer } from './timers.ts'

/** Begins to watch over the peer's silence, from now on. */
export function watchSilence(block: ControlBlock, now: Nanos): void {
  if (block.keepAlive !== undefined) block.timers.set(TcpTimer.KEEP_ALIVE, Math.max(now, block.heardAt + block.keepAlive.idle))
}

/**
 * The timer has expired. It does not move with every segment: it looks, when it fires, how long the silence has lasted. While something is
 * unacknowledged, or waits for a window, other timers find out whether the peer is there (RFC 9293 section 3.8.4, MUST-26).
 */
export function keepAliveExpired(block: ControlBlock, now: Nanos): void {
  const { keepAlive, timers, sent, sendQueue } = block
  if (keepAlive === undefined) return
  const { idle, interval, probes } = keepAlive
  if (sent.outstanding > 0 || sendQueue.end > block.sndNxt) {
    timers.set(TcpTimer.KEEP_ALIVE, now + idle)
    return
  }
  if (now - block.heardAt < idle) {
    timers.set(TcpTimer.KEEP_ALIVE, block.heardAt + idle)
    return
  }
  if (block.probes >= probes) {
    block.silent = true
    return
  }
  block.probes++
  block.keepAlivePending = true
  block.record('tcp:keepalive-sent', { probe: block.probes, of: probes, silence: now - block.heardAt })
  timers.set(TcpTimer.KEEP_ALIVE, now + interval)
}
