/** What happens when a timer expires. */
import type { Nanos } from '../endpoint.ts'
import type { ControlBlock } from './control-block.ts'
import type { TcpFailure } from './event.ts'
import { keepAliveExpired } from './keepalive.ts'
import { probeTail, stopWaiting } from './loss-detection.ts'
import { timeoutOnPath } from './path-mtu.ts'
import { TcpTimer } from './timers.ts'
import { prepareReset } from './transmission.ts'

/** Lets every deadline at or before `now` pass. */
export function expireTimers(block: ControlBlock, now: Nanos): void {
  const { timers } = block
  if (timers.earliest() > now) return
  if (timers.expire(TcpTimer.TIME_WAIT, now)) {
    block.move('time-wait-over')
    block.release()
    return
  }
  if (timers.expire(TcpTimer.FIN_WAIT_2, now)) {
    block.end('give-up', undefined)
    return
  }
  if (timers.expire(TcpTimer.DELAYED_ACK, now)) block.acknowledgeNow()
  if (timers.expire(TcpTimer.SILLY_WINDOW, now)) block.overridden = true
  // What it held back goes out as soon as the next segment is asked for.
  timers.expire(TcpTimer.PACING, now)
  if (timers.expire(TcpTimer.PERSIST, now)) persist(block, now)
  if (timers.expire(TcpTimer.REORDERING, now)) stopWaiting(block, now)
  if (timers.expire(TcpTimer.LOSS_PROBE, now)) probeTail(block, now)
  if (timers.expire(TcpTimer.RETRANSMIT, now)) retransmit(block, now)
  if (timers.expire(TcpTimer.KEEP_ALIVE, now)) askSilentPeer(block, now)
}

function timedOut(detail: string, cites: string): TcpFailure {
  return { code: 'ETIMEDOUT', whose: 'network', detail, cites }
}

/** RFC 9293 section 3.8.6.1: probes at growing distance, as long as they are answered. */
function persist(block: ControlBlock, now: Nanos): void {
  if (block.probes >= block.config.retries) {
    block.end('give-up', timedOut('zero-window probes stayed unanswered', 'RFC 9293 section 3.8.6.1'))
    return
  }
  block.probes++
  block.probePending = true
  const last = block.persistInterval === 0 ? block.rtt.rto : block.persistInterval
  block.persistInterval = Math.min(last * 2, block.config.maxRto)
  block.timers.set(TcpTimer.PERSIST, now + block.persistInterval)
}

/** RFC 9293 section 3.8.4; when nobody has answered, a reset goes out too, as by Linux: the peer may be there, and mute. */
function askSilentPeer(block: ControlBlock, now: Nanos): void {
  keepAliveExpired(block, now)
  if (!block.silent) return
  prepareReset(block, 'keepalive probes stayed unanswered', now)
  block.end('give-up', block.unreachable ?? timedOut('keepalive probes stayed unanswered', 'RFC 9293 section 3.8.4'))
}

function retransmit(block: ControlBlock, now: Nanos): void {
  if (block.state === 'SYN-SENT' || block.state === 'SYN-RECEIVED') {
    retransmitSyn(block, now)
    return
  }
  const { rtt, recovery, sent, config } = block
  if (sent.outstanding === 0) return
  if (block.retries >= config.retries) {
    block.end('give-up', block.unreachable ?? timedOut('data stayed unacknowledged', 'RFC 9293 section 3.8.3'))
    return
  }
  timeoutOnPath(block, now)
  block.retries++
  backOff(block)
  block.tailLoss.forget()
  block.timers.clear(TcpTimer.LOSS_PROBE)
  block.timers.clear(TcpTimer.REORDERING)
  recovery.timedOut(block.sndUna, block.sndNxt, now)
  block.ecn.reduced(block.sndNxt)
  block.timers.set(TcpTimer.RETRANSMIT, now + rtt.rto)
  block.traceCongestion()
}

function retransmitSyn(block: ControlBlock, now: Nanos): void {
  const { rtt, config } = block
  const limit = block.state === 'SYN-SENT' ? config.synRetries : block.keeper.synAckRetries(config.synAckRetries)
  if (block.synRetransmissions >= limit) {
    block.end('give-up', block.unreachable ?? timedOut('the peer did not answer the SYN', 'RFC 9293 section 3.8.3'))
    return
  }
  block.synRetransmissions++
  block.synPending = true
  backOff(block)
  block.timers.set(TcpTimer.RETRANSMIT, now + rtt.rto)
}

/** Doubles the timeout. The trace is told the one that has passed, and the one that begins. */
function backOff(block: ControlBlock): void {
  const { rtt } = block
  const { rto } = rtt
  rtt.backOff()
  block.record('tcp:rto-expired', { rto, next: rtt.rto, backoff: rtt.backoff })
}
