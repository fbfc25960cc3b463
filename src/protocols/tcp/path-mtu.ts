/**
 * How large segments may be on the way to the peer: what routers report, and what is found out by trying.
 *
 * Required reading: RFC 1191 and RFC 8201 (routers report), RFC 5927 section 7 (forged reports), RFC 4821 (packetization layer path MTU
 * discovery, here with the rules of Linux's tcp_mtu_probing), RFC 2923 (black holes).
 *
 * How it works. All sizes are of MSS, that is the MTU less the fixed headers, so that this file knows no version of IP. Three limits hold:
 * what the handshake agreed upon, what the path is reported to take, and, while a search is on, what is known by trying to get through.
 * A search has a lower bound, which is used, and an upper one. Now and then a segment of new data is made as large as their middle: if it
 * is acknowledged the lower bound rises, if it is lost alone the upper one falls, and the congestion window does not mind.
 *
 * A black hole is a router that drops what is too large and does not say so. Small segments get through, so the handshake is done, and then
 * the same data times out again and again. `'on-black-hole'` begins a search after three timeouts in a row, at a small size that goes down
 * further with each timeout to come.
 */
import type { Nanos } from '../endpoint.ts'
import type { ControlBlock } from './control-block.ts'

/** Timeouts in a row that speak of a black hole: R1 of RFC 9293 section 3.8.3, 3 as in Linux. */
const SUSPICIOUS_TIMEOUTS = 3
/** Least MSS that a search goes down to: 512 bytes, the least that RFC 4821 section 7.2 lets eff_pmtu become for IPv4 by itself, less headers. */
const SEARCH_FLOOR = 472
/** A search is over when its bounds are this close, as in Linux. */
const SEARCH_PRECISION = 8
/** After this long the upper bound is tried anew, for the path may have changed: 10 minutes, as Linux. */
const SEARCH_AGAIN: Nanos = 600_000_000_000
/** Segments that the window must hold before a probe is sent, as in Linux: its loss is to be found by duplicates. */
const PROBE_WINDOW = 11
/** Timestamps with their padding (RFC 7323 appendix A). */
const TIMESTAMPS_LENGTH = 12

/** Sizes of packets that are common on networks, for reports of old routers that do not say one (RFC 1191 section 7.1). */
const PLATEAUS = [32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68] as const

/**
 * The next smaller MTU to try when a router says that a packet was too big, but not what is not (RFC 1191 section 5).
 * @param length of the packet in bytes
 */
export function plateauBelow(length: number): number {
  return PLATEAUS.find((plateau) => plateau < length) ?? 68
}

/** The handshake has agreed upon an MSS. */
export function agreeSegmentSize(block: ControlBlock, mss: number): void {
  const { path, config } = block
  path.agreed = mss
  path.reported = Math.min(mss, block.pathMss)
  path.high = path.reported
  path.low = Math.min(config.mtuProbingBase, mss)
  path.searching = config.mtuProbing === 'always' && path.low < path.reported
  setSegmentSize(block)
}

function optionsLength(block: ControlBlock): number {
  return block.timestamps ? TIMESTAMPS_LENGTH : 0
}

function setSegmentSize(block: ControlBlock): void {
  block.smss = block.path.effective - optionsLength(block)
  block.recovery.smss = block.smss
}

/** Makes segments as large as the path is known to take now, those in flight too if they have to go out again. */
function apply(block: ControlBlock, why: string): void {
  const { path, sent, congestion } = block
  const before = block.smss
  setSegmentSize(block)
  const { smss } = block
  if (smss === before) return
  if (congestion.cwnd > 0) congestion.resized(smss)
  // A probe stays whole until it is known what became of it.
  if (smss < before && path.probeStart < 0) sent.resegment(smss)
  block.record('tcp:segment-size-changed', { smss, from: before, why })
  block.traceCongestion()
}

/**
 * A router reports that a segment was too big for the way on; the report has been checked. What is in flight and too big goes out again at
 * once, in smaller segments, and the window stays (RFC 1191 section 6.4).
 * @param mss that fits, options included
 */
export function narrowPath(block: ControlBlock, mss: number): void {
  const { path, sent, recovery } = block
  if (mss > path.reported) return
  path.probeStart = -1
  path.reported = Math.min(path.reported, mss)
  path.high = Math.min(path.high, mss)
  path.low = Math.min(path.low, path.high)
  const limit = path.effective - optionsLength(block)
  const isLost = sent.markOversizedLost(limit)
  apply(block, 'reported')
  sent.resegment(block.smss)
  if (isLost) recovery.oversized(block.sndNxt)
}

/** Another connection, or time, has changed what is known of the way to the peer. @param mss that is reported to fit now */
export function updatePath(block: ControlBlock, mss: number): void {
  const { path } = block
  path.reported = Math.min(path.agreed, mss)
  apply(block, 'remembered')
}

/** The retransmission timer has expired: a black hole, perhaps. Called before the timeout is counted. */
export function timeoutOnPath(block: ControlBlock, now: Nanos): void {
  const { path, config, sent } = block
  if (config.mtuProbing === 'off') return
  if (path.probeStart >= 0) endProbe(block)
  if (block.retries < SUSPICIOUS_TIMEOUTS) return
  if (path.searching) path.low = Math.min(path.low, Math.max(SEARCH_FLOOR, Math.min(config.mtuProbingBase, path.low >>> 1)))
  else block.record('tcp:black-hole-suspected', { timeouts: block.retries, size: block.smss })
  path.searching = true
  path.settledAt = now
  // Whatever the bound above was, it is worth nothing while nothing gets through.
  path.high = Math.min(path.agreed, path.reported)
  apply(block, 'black hole')
  sent.resegment(block.smss)
}

/**
 * Length of a probe of the path that is due now; 0: none. Such a segment of new data carries more than others.
 * @param queued bytes of new data
 * @param usable bytes of them that the peer's window takes
 */
export function probeLength(block: ControlBlock, queued: number, usable: number, now: Nanos): number {
  const { path, recovery, congestion, smss } = block
  if (path.probeStart >= 0 || recovery.phase !== 'open' || recovery.duplicates > 0 || block.retries > 0) return 0
  if (path.high - path.low < SEARCH_PRECISION) {
    if (path.settledAt === 0) path.settledAt = now
    if (now - path.settledAt < SEARCH_AGAIN) return 0
    path.settledAt = now
    path.high = Math.min(path.agreed, path.reported)
    return 0
  }
  if (congestion.cwnd < PROBE_WINDOW * smss || !block.reassembly.isEmpty) return 0
  // Duplicates for what stands there would not be believed (RFC 6582 section 3.2 step 1).
  if (block.sndNxt <= recovery.recoveryPoint) return 0
  const size = (path.low + path.high + 1) >>> 1
  const length = size - optionsLength(block)
  // As much again must follow as tells by duplicates that the probe was lost.
  const needed = length + (block.config.duplicateThreshold + 1) * smss
  return queued >= needed && usable >= needed && recovery.fits(length + smss) ? length : 0
}

/** A probe was sent. */
export function probeSent(block: ControlBlock, position: number, length: number): void {
  const { path } = block
  path.probeStart = position
  path.probeEnd = position + length
  path.probeSize = length + optionsLength(block)
  block.record('tcp:path-probe-sent', { seq: block.sendSeq(position), size: length, low: path.low, high: path.high })
}

/** New data is acknowledged, so perhaps the probe. */
export function acknowledgeProbe(block: ControlBlock, now: Nanos): void {
  const { path } = block
  if (block.sndUna < path.probeEnd) return
  path.probeStart = -1
  path.low = Math.max(path.low, path.probeSize)
  if (path.high - path.low < SEARCH_PRECISION) path.settledAt = now
  apply(block, 'probed')
}

/** Fast recovery is about to begin. @returns whether all that is missing is the probe: then it is the path, and no congestion */
export function isProbeLost(block: ControlBlock): boolean {
  const { path, sent, recovery } = block
  if (path.probeStart < 0 || block.sndUna !== path.probeStart) return false
  path.high = Math.min(path.high, Math.max(path.low, path.probeSize - 1))
  block.record('tcp:path-probe-lost', { size: path.probeSize - optionsLength(block), low: path.low, high: path.high })
  sent.markOversizedLost(block.smss)
  endProbe(block)
  recovery.oversized(block.sndNxt)
  return true
}

/** It will not be known what became of the probe: its data is as other data from now on. */
function endProbe(block: ControlBlock): void {
  block.path.probeStart = -1
  block.sent.resegment(block.smss)
}
