/**
 * BBR, version 1.
 *
 * Required reading: draft-cardwell-iccrg-bbr-congestion-control-00 (procedures that comments name are its), and
 * draft-cheng-iccrg-delivery-rate-estimation-00.
 *
 * How it works. Loss is not what BBR waits for. It measures the two things that a path is: the *bottleneck's bandwidth*, the largest delivery
 * rate of the last ten round trips, and the *propagation time*, the shortest round trip of the last ten seconds. It sends at the former and
 * keeps about twice their product in flight. Both cannot be seen at once, for a full pipe hides the empty path, so it alternates:
 *
 * - STARTUP doubles the rate each round trip until three round trips in a row bring less than a quarter more.
 * - DRAIN then sends slower than the bottleneck until the queue that this has made is gone.
 * - PROBE_BW sends at the bandwidth, with one round trip in eight faster by a quarter, to find more, and the next slower, to drain again.
 * - PROBE_RTT: when ten seconds have brought no shorter round trip, four segments in flight for 200 ms let the queue run empty.
 *
 * Version 1 takes no notice of loss but for a round trip of packet conservation. Where a buffer is shallow it loses much and crowds out others:
 * it is here as Linux has it, for that to be seen.
 */
import type { Nanos } from '../endpoint.ts'
import type { AckSample, CongestionControl } from './congestion.ts'
import { DeliveryLedger } from './delivery-rate.ts'
import type { CongestionSettings } from './settings.ts'

/** BBRHighGain: 2/ln 2, the least gain that doubles the delivery rate each round trip. */
const HIGH_GAIN = 2.885
/** BBR.pacing_gain_cycle, a propagation time each. */
const PACING_GAIN_CYCLE = [1.25, 0.75, 1, 1, 1, 1, 1, 1]
/** In flight in PROBE_BW, in bandwidth-delay products: what delayed and lumped acknowledgments hide. */
const CWND_GAIN = 2
/** BtlBwFilterLen, in round trips. */
const BTLBW_FILTER_LENGTH = 10
/** RTpropFilterLen. */
const RTPROP_FILTER_LENGTH: Nanos = 10_000_000_000
/** ProbeRTTDuration. */
const PROBE_RTT_DURATION: Nanos = 200_000_000
/** BBRMinPipeCwnd, in segments. */
const MIN_PIPE_CWND = 4
/** As in Linux, somewhat below the bandwidth, so that no queue builds up for want of precision. */
const PACING_MARGIN = 0.99

const NANOS_PER_SECOND = 1e9
const MILLISECOND = 1_000_000

type Mode = 'STARTUP' | 'DRAIN' | 'PROBE_BW' | 'PROBE_RTT'

/** The largest value of the last so many round trips. */
class WindowedMax {
  private readonly values: number[] = []
  private readonly rounds: number[] = []

  constructor(private readonly length: number) {}

  get value(): number {
    return this.values.length > 0 ? this.values[0] : 0
  }

  /** Kept in falling order: what is older and smaller than the new one will never be the largest again. */
  add(value: number, round: number): void {
    const { values, rounds } = this
    while (values.length > 0 && values[values.length - 1] <= value) {
      values.pop()
      rounds.pop()
    }
    values.push(value)
    rounds.push(round)
    while (rounds[0] <= round - this.length) {
      values.shift()
      rounds.shift()
    }
  }
}

export class Bbr implements CongestionControl {
  readonly name = 'bbr'
  readonly modelBased = true
  readonly ledger = new DeliveryLedger()
  cwnd = 0
  /** Slow start is no part of BBR: the threshold stays where it was. */
  readonly ssthresh: number
  pacingRate = 0
  private mode: Mode = 'STARTUP'
  private smss = 0
  private initialWindow = 0
  private pacingGain = HIGH_GAIN
  private cwndGain = HIGH_GAIN
  private readonly btlBw = new WindowedMax(BTLBW_FILTER_LENGTH)
  /** RTprop; -1: not known. */
  private rtProp: Nanos = -1
  private rtPropStamp: Nanos = 0
  private rtPropExpired = false

  // Round trips, counted by what is delivered.
  private nextRoundDelivered = 0
  private roundCount = 0
  private roundStart = false

  // Whether the pipe is full.
  private filledPipe = false
  private fullBw = 0
  private fullBwCount = 0

  private cycleIndex = 0
  private cycleStamp: Nanos = 0

  private probeRttDoneStamp: Nanos = -1
  private probeRttRoundDone = false

  /** The window before recovery, a timeout or PROBE_RTT; 0: there is none to go back to. */
  private priorCwnd = 0
  private inRecovery = false
  private conservesPackets = false
  /** Whether a timeout is being recovered from. */
  private inLoss = false
  /** Whether nothing has been delivered yet since the connection was idle. */
  private idleRestart = false

  /** @param entropy any integer, to choose where the gain cycle begins, so that flows do not probe in step */
  constructor(
    settings: Pick<CongestionSettings, 'initialSsthresh'>,
    private entropy: number,
  ) {
    this.ssthresh = settings.initialSsthresh
  }

  begin(smss: number, initialWindow: number, now: Nanos, srtt: Nanos): void {
    this.smss = smss
    this.initialWindow = initialWindow * smss
    this.cwnd = this.initialWindow
    this.rtProp = srtt
    this.rtPropStamp = now
    // BBRInitPacingRate.
    const nominal = (this.initialWindow * NANOS_PER_SECOND) / (srtt > 0 ? srtt : MILLISECOND)
    this.pacingRate = HIGH_GAIN * nominal
  }

  resized(smss: number): void {
    this.smss = smss
  }

  // Everything is done by `observed`.
  acknowledged(): void {}

  observed(sample: AckSample): void {
    if (this.inLoss && !sample.repairing) this.recovered()
    this.updateModel(sample)
    this.setPacingRate()
    this.setCwnd(sample)
  }

  // The model of the path.

  private updateModel(sample: AckSample): void {
    this.updateRound()
    const { rate, appLimited } = this.ledger
    // BBRUpdateBtlBw: a sample that the application has held down says nothing, unless it is larger all the same.
    if (rate > 0 && (rate >= this.btlBw.value || !appLimited)) this.btlBw.add(rate, this.roundCount)
    this.checkCyclePhase(sample)
    this.checkFullPipe()
    this.checkDrain(sample)
    this.updateRtProp(sample)
    this.checkProbeRtt(sample)
  }

  /** BBRUpdateRound. */
  private updateRound(): void {
    const { priorDelivered, delivered } = this.ledger
    this.roundStart = priorDelivered >= this.nextRoundDelivered
    if (!this.roundStart) return
    this.nextRoundDelivered = delivered
    this.roundCount++
    this.conservesPackets = false
  }

  /** BBRCheckCyclePhase and BBRIsNextCyclePhase. */
  private checkCyclePhase({ now, priorFlight, lost }: AckSample): void {
    if (this.mode !== 'PROBE_BW') return
    const full = now - this.cycleStamp > this.rtProp
    let over = full
    if (this.pacingGain > 1) over = full && (lost > 0 || priorFlight >= this.inflight(this.pacingGain))
    else if (this.pacingGain < 1) over = full || priorFlight <= this.inflight(1)
    if (over) this.advanceCycle(now)
  }

  /** BBRAdvanceCyclePhase. */
  private advanceCycle(now: Nanos): void {
    this.cycleStamp = now
    this.cycleIndex = (this.cycleIndex + 1) % PACING_GAIN_CYCLE.length
    this.pacingGain = PACING_GAIN_CYCLE[this.cycleIndex]
  }

  /** BBRCheckFullPipe. */
  private checkFullPipe(): void {
    if (this.filledPipe || !this.roundStart || this.ledger.appLimited) return
    if (this.btlBw.value >= this.fullBw * 1.25) {
      this.fullBw = this.btlBw.value
      this.fullBwCount = 0
      return
    }
    this.fullBwCount++
    if (this.fullBwCount >= 3) this.filledPipe = true
  }

  /** BBRCheckDrain. */
  private checkDrain({ flight, now }: AckSample): void {
    if (this.mode === 'STARTUP' && this.filledPipe) {
      this.mode = 'DRAIN'
      this.pacingGain = 1 / HIGH_GAIN
      this.cwndGain = HIGH_GAIN
    }
    if (this.mode === 'DRAIN' && flight <= this.inflight(1)) this.enterProbeBw(now)
  }

  private enterStartup(): void {
    this.mode = 'STARTUP'
    this.pacingGain = HIGH_GAIN
    this.cwndGain = HIGH_GAIN
  }

  /** BBREnterProbeBW: into any phase of the cycle but the one that drains. */
  private enterProbeBw(now: Nanos): void {
    this.mode = 'PROBE_BW'
    this.cwndGain = CWND_GAIN
    this.entropy = Math.imul(this.entropy ^ (this.entropy >>> 16), 0x45d9f3b) >>> 0
    this.cycleIndex = PACING_GAIN_CYCLE.length - 1 - (this.entropy % (PACING_GAIN_CYCLE.length - 1))
    this.advanceCycle(now)
  }

  /** BBRUpdateRTprop. */
  private updateRtProp({ rtt, now }: AckSample): void {
    this.rtPropExpired = now > this.rtPropStamp + RTPROP_FILTER_LENGTH
    if (rtt < 0 || !(this.rtProp < 0 || rtt <= this.rtProp || this.rtPropExpired)) return
    this.rtProp = rtt
    this.rtPropStamp = now
  }

  /** BBRCheckProbeRTT. */
  private checkProbeRtt(sample: AckSample): void {
    if (this.mode !== 'PROBE_RTT' && this.rtPropExpired && !this.idleRestart) {
      this.mode = 'PROBE_RTT'
      this.pacingGain = 1
      this.cwndGain = 1
      this.saveCwnd()
      this.probeRttDoneStamp = -1
    }
    this.idleRestart = false
    if (this.mode !== 'PROBE_RTT') return
    const { flight, now } = sample
    // What is sent now is less than the path bears: its delivery rates do not count.
    this.ledger.ranDry(flight)
    if (this.probeRttDoneStamp < 0) {
      if (flight > MIN_PIPE_CWND * this.smss) return
      this.probeRttDoneStamp = now + PROBE_RTT_DURATION
      this.probeRttRoundDone = false
      this.nextRoundDelivered = this.ledger.delivered
      return
    }
    if (this.roundStart) this.probeRttRoundDone = true
    if (!this.probeRttRoundDone || now <= this.probeRttDoneStamp) return
    this.rtPropStamp = now
    this.restoreCwnd()
    if (this.filledPipe) this.enterProbeBw(now)
    else this.enterStartup()
  }

  // What is done with it.

  /** BBRSetPacingRate. */
  private setPacingRate(): void {
    const rate = this.pacingGain * this.btlBw.value * PACING_MARGIN
    if (rate > 0 && (this.filledPipe || rate > this.pacingRate)) this.pacingRate = rate
  }

  /** BBRInflight: what a gain puts in flight, in bytes. Three segments stand for what the acknowledgments' delay and offloading hold back. */
  private inflight(gain: number): number {
    if (this.rtProp < 0 || this.btlBw.value === 0) return this.initialWindow
    const product = (this.btlBw.value * this.rtProp) / NANOS_PER_SECOND
    return Math.ceil(gain * product) + 3 * this.smss
  }

  /** BBRSetCwnd. */
  private setCwnd(sample: AckSample): void {
    const { flight, lost } = sample
    const acked = this.ledger.newly
    const target = this.inflight(this.cwndGain)
    // BBRModulateCwndForRecovery: recovery takes away what was lost, and for a round trip sends no more than what arrives.
    let cwnd = lost > 0 ? Math.max(this.cwnd - lost, this.smss) : this.cwnd
    if (this.conservesPackets) {
      cwnd = Math.max(cwnd, flight + acked)
    } else {
      if (this.filledPipe) cwnd = Math.min(cwnd + acked, target)
      else if (cwnd < target || this.ledger.delivered < this.initialWindow) cwnd += acked
      cwnd = Math.max(cwnd, MIN_PIPE_CWND * this.smss)
    }
    // BBRModulateCwndForProbeRTT.
    if (this.mode === 'PROBE_RTT') cwnd = Math.min(cwnd, MIN_PIPE_CWND * this.smss)
    this.cwnd = Math.floor(cwnd)
  }

  /** BBRSaveCwnd. */
  private saveCwnd(): void {
    if (!this.inRecovery && !this.inLoss && this.mode !== 'PROBE_RTT') this.priorCwnd = this.cwnd
    else this.priorCwnd = Math.max(this.priorCwnd, this.cwnd)
  }

  private restoreCwnd(): void {
    this.cwnd = Math.max(this.cwnd, this.priorCwnd)
  }

  /** Fast recovery begins with a round trip in which no more is sent than arrives. */
  lossDetected(flight: number): void {
    this.saveCwnd()
    this.inRecovery = true
    this.inLoss = false
    this.conservesPackets = true
    this.nextRoundDelivered = this.ledger.delivered
    this.cwnd = Math.max(Math.min(this.cwnd, flight), this.smss)
  }

  // Version 1 takes no notice of marks of congestion, as in Linux.
  congestionMarked(): void {}

  recovered(): void {
    this.inRecovery = false
    this.inLoss = false
    this.conservesPackets = false
    this.restoreCwnd()
  }

  timedOut(): void {
    this.saveCwnd()
    this.inRecovery = false
    this.inLoss = true
    this.conservesPackets = false
    this.cwnd = this.smss
  }

  // `saveCwnd` has done so.
  remember(): void {}

  /** As in Linux: the loss that was none may have held the bandwidth down, so whether the pipe is full is asked anew. */
  undo(): void {
    this.fullBw = 0
    this.fullBwCount = 0
    this.recovered()
  }

  /** BBRHandleRestartFromIdle: on at the bandwidth that is known, without a probe for more. */
  idled(): void {
    this.idleRestart = true
    if (this.mode === 'PROBE_BW' && this.btlBw.value > 0) this.pacingRate = this.btlBw.value * PACING_MARGIN
  }
}
