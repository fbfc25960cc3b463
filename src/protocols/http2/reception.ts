import { DecodeError } from '../../wire/errors.ts'
import {
  decodeGoaway,
  decodePing,
  decodePriority,
  decodePriorityUpdate,
  decodeResetStream,
  decodeSettings,
  decodeWindowUpdate,
  encodePing,
  encodeSettingsAck,
  Http2DecodeError,
  LARGEST_WINDOW,
} from '../../wire/http2-frame.ts'
import { HTTP2_ERROR_CODE, HTTP2_FLAG, http2ErrorName, http2FrameType } from '../../wire/http2-names.ts'
import type { Http2ErrorName } from '../../wire/http2-names.ts'
import { Violation } from './fault.ts'
import type { Http2Fault } from './fault.ts'
import { Http2MessageReception, violation } from './message-reception.ts'
import type { Http2Options } from './options.ts'
import { noticeType } from './output.ts'
import { RateMeter } from '../rate-meter.ts'
import { INITIAL_SETTINGS, withParameters } from './settings.ts'

/** Debug data of a GOAWAY frame that is told, in bytes. */
const LONGEST_DEBUG = 256

const { ACK } = HTTP2_FLAG

function errorName(code: number): Http2ErrorName {
  return http2ErrorName(code) ?? 'INTERNAL_ERROR'
}

/** What an end of a connection does with each frame that it receives: those of messages are above, here are the others. */
export abstract class Http2Reception<Event extends { readonly type: string }> extends Http2MessageReception<Event> {
  private readonly settingsMeter: RateMeter
  private readonly pingMeter: RateMeter
  protected readonly priorityMeter: RateMeter

  protected constructor(isServer: boolean, options: Http2Options) {
    super(isServer, options)
    const { limits } = this
    this.settingsMeter = new RateMeter(limits.settings)
    this.pingMeter = new RateMeter(limits.pings)
    this.priorityMeter = new RateMeter(limits.priorities)
  }

  protected abstract takePriorityUpdate(id: number, value: string): void
  protected abstract takePong(data: Uint8Array): void

  protected override read(): void {
    while (!this.finished) {
      try {
        if (!this.step()) return
      } catch (error) {
        this.answer(error)
      }
    }
  }

  /** Takes the next thing that the reader finds. @returns false when there is nothing */
  private step(): boolean {
    switch (this.reader.next()) {
      case 'nothing':
        return false
      case 'frame':
        this.notice()
        this.takeFrame()
        break
      case 'data-head':
        this.takeDataHead()
        break
      case 'data':
        this.takeData()
        break
      case 'data-end':
        this.notice()
        this.takeDataEnd()
    }
    if (this.output.answerBytes > this.limits.waitingAnswers) {
      throw violation('ENHANCE_YOUR_CALM', 'the peer makes us answer, and does not read', '10.5')
    }
    return true
  }

  /** Answers what was wrong with a frame. */
  private answer(error: unknown): void {
    if (error instanceof Violation) {
      if (error.stream === 0) this.failBy(error)
      else this.resetStream(error.stream, error.code, error)
    } else if (error instanceof Http2DecodeError) {
      const { stream } = this.reader.header
      const isOfStream = error.scope === 'stream' && stream !== 0 && !this.streams.isIdle(stream)
      if (isOfStream) this.resetStream(stream, error.code, error)
      else this.failBy(error)
    } else if (error instanceof DecodeError) {
      // Where in its array a block began depends on how the bytes came.
      const detail = error.message.replace(/^hpack: (\w+) at byte \d+: /, 'a field block is $1: ')
      this.fail('COMPRESSION_ERROR', { detail, cites: 'RFC 9113 section 4.3' })
    } else {
      throw error
    }
  }

  private notice(): void {
    const { onFrame, reader } = this
    if (onFrame === undefined) return
    const { type, flags, stream, length } = reader.header
    onFrame({ direction: 'received', type: noticeType(type), flags, stream, length, from: reader.from, to: reader.to })
  }

  private takeFrame(): void {
    this.checkOrder()
    const { header, bytes, start, end } = this.reader
    const { type, stream } = header
    switch (http2FrameType(type)) {
      case 'HEADERS':
        this.takeHeaders()
        return
      case 'PRIORITY':
        this.takePriority()
        return
      case 'RST_STREAM':
        this.takeReset(decodeResetStream(bytes, start, end))
        return
      case 'SETTINGS':
        this.onConnection('SETTINGS', '6.5')
        this.takeSettings()
        return
      case 'PUSH_PROMISE':
        this.takePushPromise()
        return
      case 'PING':
        this.onConnection('PING', '6.7')
        this.takePing(decodePing(bytes, start, end))
        return
      case 'GOAWAY':
        this.onConnection('GOAWAY', '6.8')
        this.takeGoaway()
        return
      case 'WINDOW_UPDATE':
        this.takeWindowUpdate(decodeWindowUpdate(bytes, start, end))
        return
      case 'CONTINUATION':
        if (this.block === undefined) throw violation('PROTOCOL_ERROR', 'CONTINUATION of nothing', '6.10')
        this.takeFragment(this.block, start, end, true)
        return
      case 'PRIORITY_UPDATE': {
        const cites = 'RFC 9218 section 7.1'
        if (stream !== 0) throw new Violation(0, 'PROTOCOL_ERROR', 'PRIORITY_UPDATE on a stream', cites)
        if (!this.isServer) throw new Violation(0, 'PROTOCOL_ERROR', 'a server sent PRIORITY_UPDATE', cites)
        const update = decodePriorityUpdate(bytes, start, end)
        this.countPriority()
        const value = bytes.subarray(update.value.start, Math.min(update.value.end, update.value.start + 300))
        this.takePriorityUpdate(update.stream, String.fromCharCode(...value))
        return
      }
      default:
      // RFC 9113 section 5.5: frames of unknown types are ignored.
    }
  }

  private onConnection(name: string, section: string): void {
    if (this.reader.header.stream !== 0) throw violation('PROTOCOL_ERROR', `${name} on a stream`, section)
  }

  private countPriority(): void {
    if (this.priorityMeter.exceeds(this.now)) throw violation('ENHANCE_YOUR_CALM', 'too many changes of priorities', '10.5')
  }

  private takePriority(): void {
    const { bytes, start, end } = this.reader
    const id = this.onStream('PRIORITY', '6.3')
    const { dependsOn } = decodePriority(bytes, start, end)
    this.countPriority()
    this.receive(id, 'PRIORITY')
    if (dependsOn !== id) return
    const detail = 'a stream that depends on itself'
    throw new Violation(this.streams.open.has(id) ? id : 0, 'PROTOCOL_ERROR', detail, 'RFC 7540 section 5.3.1')
  }

  private takeReset(code: number): void {
    const id = this.onStream('RST_STREAM', '6.4')
    const stream = this.receive(id, 'RST_STREAM')
    if (this.resetMeter.exceeds(this.now)) throw violation('ENHANCE_YOUR_CALM', 'too many streams were reset', '10.5')
    if (stream === undefined) return
    const { isTold, isOurs } = stream
    this.close(stream, 'reset-by-peer')
    if (isTold) {
      const name = errorName(code)
      const detail = `the peer reset stream ${String(id)}${http2ErrorName(code) ? '' : ` with the code ${String(code)}`}`
      const error: Http2Fault = { whose: 'remote', code: name, detail, cites: 'RFC 9113 section 6.4' }
      this.tell({ type: 'reset', stream: id, error, isUnprocessed: isOurs && code === HTTP2_ERROR_CODE.REFUSED_STREAM })
    }
    this.finishWhenDone()
  }

  private takeSettings(): void {
    const { header, bytes, start, end } = this.reader
    const parameters = decodeSettings(bytes, start, end, header.flags)
    if ((header.flags & ACK) !== 0) {
      this.takeSettingsAck()
      return
    }
    if (this.settingsMeter.exceeds(this.now)) throw violation('ENHANCE_YOUR_CALM', 'too many SETTINGS', '10.5')
    const before = this.remote
    // The limit that a client only supposes is gone with the server's first word.
    const base =
      this.hasSettings || this.isServer ? before : { ...before, maxConcurrentStreams: INITIAL_SETTINGS.maxConcurrentStreams }
    const after = withParameters(base, parameters, !this.hasSettings, !this.isServer)
    this.hasSettings = true
    this.remote = after
    this.output.maxFrameSize = after.maxFrameSize
    // Not only the last value counts: the table may have been made small, and large again (RFC 7541 section 4.2).
    for (const { id, value } of parameters) if (id === 1) this.output.encoder.setLimit(value)
    const more = after.initialWindowSize - before.initialWindowSize
    if (more !== 0) this.widen(more)
    this.output.push(encodeSettingsAck(), true)
    this.tell({ type: 'settings', settings: after })
  }

  /** RFC 9113 section 6.9.2. */
  private widen(more: number): void {
    for (const stream of this.streams.open.values()) {
      stream.sendWindow += more
      if (stream.sendWindow > LARGEST_WINDOW) {
        throw violation('FLOW_CONTROL_ERROR', 'INITIAL_WINDOW_SIZE makes a window larger than 2^31 - 1', '6.9.2')
      }
    }
  }

  private takeSettingsAck(): void {
    if (!this.awaitsAck) throw violation('PROTOCOL_ERROR', 'an acknowledgment of SETTINGS that were not sent', '6.5.3')
    this.awaitsAck = false
    const { announced } = this
    const more = announced.initialWindowSize - this.local.initialWindowSize
    for (const stream of this.streams.open.values()) stream.receiveWindow += more
    this.local = announced
    this.decoder.setLimit(announced.headerTableSize)
    this.reader.maxFrameSize = announced.maxFrameSize
  }

  private takePing(data: Uint8Array): void {
    if ((this.reader.header.flags & ACK) !== 0) {
      this.takePong(data)
      return
    }
    if (this.pingMeter.exceeds(this.now)) throw violation('ENHANCE_YOUR_CALM', 'too many PINGs', '10.5')
    this.output.push(encodePing(data, true), true)
  }

  private takeGoaway(): void {
    const { bytes, start, end } = this.reader
    const { lastStream, code, debug } = decodeGoaway(bytes, start, end)
    if (lastStream > this.lastAccepted) throw violation('PROTOCOL_ERROR', 'GOAWAY takes back what an earlier one said', '6.8')
    this.lastAccepted = lastStream
    const said = String.fromCharCode(...bytes.subarray(debug.start, Math.min(debug.end, debug.start + LONGEST_DEBUG)))
    const peer = this.isServer ? 'client' : 'server'
    const detail = `the ${peer} said goodbye${said === '' ? '' : `: ${said.replace(/[^ -~]/g, '?')}`}`
    const error: Http2Fault = { whose: 'remote', code: errorName(code), detail, cites: 'RFC 9113 section 6.8' }
    this.farewell = error
    this.tell({ type: 'goaway', lastStream, error })
    for (const id of this.streams.numbers) {
      const stream = this.streams.open.get(id)
      if (stream?.isOurs !== true || id <= lastStream) continue
      const { isTold } = stream
      this.close(stream, 'reset-by-us')
      if (isTold) this.tell({ type: 'reset', stream: id, error, isUnprocessed: true })
    }
    this.finishWhenDone()
  }

  private takeWindowUpdate(increment: number): void {
    const { output } = this
    const id = this.reader.header.stream
    const stream = id === 0 ? undefined : this.receive(id, 'WINDOW_UPDATE')
    if (increment === 0) throw new Violation(id, 'PROTOCOL_ERROR', 'a window is opened by nothing', 'RFC 9113 section 6.9')
    if (id !== 0 && stream === undefined) return
    const window = (stream?.sendWindow ?? output.window) + increment
    if (window > LARGEST_WINDOW) {
      throw new Violation(id, 'FLOW_CONTROL_ERROR', 'a window larger than 2^31 - 1', 'RFC 9113 section 6.9.1')
    }
    if (stream) stream.sendWindow = window
    else output.window = window
  }
}
