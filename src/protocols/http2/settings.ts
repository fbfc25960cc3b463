import type { Http2Setting } from '../../wire/http2-frame.ts'
import { settingProblem } from '../../wire/http2-frame.ts'
import { HTTP2_SETTING_ID, http2SettingName } from '../../wire/http2-names.ts'
import type { Http2SettingName } from '../../wire/http2-names.ts'
import { Violation } from './fault.ts'
import type { Http2Limits, Http2Settings } from './options.ts'

const SECOND = 1e9

/** What holds before an end has announced anything (RFC 9113 section 6.5.2). */
export const INITIAL_SETTINGS: Http2Settings = {
  headerTableSize: 4096,
  enablePush: true,
  maxConcurrentStreams: Infinity,
  initialWindowSize: 0xffff,
  maxFrameSize: 0x4000,
  maxHeaderListSize: Infinity,
  enableConnectProtocol: false,
  noRfc7540Priorities: false,
}

/** As Chromium announces, which takes no pushes any more. */
export const CLIENT_SETTINGS: Http2Settings = {
  ...INITIAL_SETTINGS,
  headerTableSize: 0x10000,
  enablePush: false,
  initialWindowSize: 6 * 2 ** 20,
  maxHeaderListSize: 0x40000,
  noRfc7540Priorities: true,
}
/** The connection's window that Chromium opens, in bytes. */
export const CLIENT_WINDOW = 15 * 2 ** 20

export const SERVER_SETTINGS: Http2Settings = {
  ...INITIAL_SETTINGS,
  maxConcurrentStreams: 128,
  initialWindowSize: 2 ** 20,
  maxHeaderListSize: 0x10000,
  noRfc7540Priorities: true,
}
export const SERVER_WINDOW = 2 ** 20

export const DEFAULT_LIMITS: Http2Limits = {
  resets: { burst: 400, perSecond: 50 },
  settings: { burst: 100, perSecond: 10 },
  pings: { burst: 200, perSecond: 20 },
  emptyFrames: { burst: 200, perSecond: 20 },
  priorities: { burst: 1000, perSecond: 100 },
  continuations: 128,
  fieldBlock: 0x20000,
  waitingAnswers: 0x8000,
  stall: 60 * SECOND,
  settingsTimeout: 30 * SECOND,
}

/** Settings that differ from what holds anyway, as they are announced. Throws RangeError for values that there are not. */
export function settingsToAnnounce(settings: Http2Settings, isServer: boolean): (readonly [Http2SettingName, number])[] {
  const values: [Http2SettingName, number, number][] = [
    ['HEADER_TABLE_SIZE', settings.headerTableSize, INITIAL_SETTINGS.headerTableSize],
    // A server must not say that it takes pushes, nor need it say that it does not (RFC 9113 section 6.5.2).
    ['ENABLE_PUSH', Number(settings.enablePush || isServer), 1],
    ['MAX_CONCURRENT_STREAMS', settings.maxConcurrentStreams, Infinity],
    ['INITIAL_WINDOW_SIZE', settings.initialWindowSize, INITIAL_SETTINGS.initialWindowSize],
    ['MAX_FRAME_SIZE', settings.maxFrameSize, INITIAL_SETTINGS.maxFrameSize],
    ['MAX_HEADER_LIST_SIZE', settings.maxHeaderListSize, Infinity],
    ['ENABLE_CONNECT_PROTOCOL', Number(settings.enableConnectProtocol), 0],
    ['NO_RFC7540_PRIORITIES', Number(settings.noRfc7540Priorities), 0],
  ]
  const announced = values.filter(([, value, initial]) => value !== initial)
  for (const [name, value] of announced) {
    const isInRange = Number.isInteger(value) && value >= 0 && value < 2 ** 32
    if (!isInRange || settingProblem(HTTP2_SETTING_ID[name], value) !== undefined)
      throw new RangeError(`${String(value)} is not a value of ${name}`)
  }
  return announced.map(([name, value]) => [name, value])
}

/**
 * The peer's settings with the parameters of one more SETTINGS frame. Throws Violation.
 * @param isFirst whether it is the peer's first SETTINGS frame
 * @param fromServer whether the peer is a server
 */
export function withParameters(
  before: Http2Settings,
  parameters: readonly Http2Setting[],
  isFirst: boolean,
  fromServer: boolean,
): Http2Settings {
  const settings = { ...before }
  for (const { id, value } of parameters) {
    const problem = settingProblem(id, value)
    const name = http2SettingName(id)
    if (name === undefined) continue
    const refuse = (code: typeof problem, cites: string): Violation =>
      new Violation(0, code ?? 'PROTOCOL_ERROR', `${name} was set to ${String(value)}`, cites)
    if (problem) throw refuse(problem, 'RFC 9113 section 6.5.2')
    switch (name) {
      case 'HEADER_TABLE_SIZE':
        settings.headerTableSize = value
        break
      case 'ENABLE_PUSH':
        if (fromServer && value !== 0) throw refuse('PROTOCOL_ERROR', 'RFC 9113 section 6.5.2')
        settings.enablePush = value === 1
        break
      case 'MAX_CONCURRENT_STREAMS':
        settings.maxConcurrentStreams = value
        break
      case 'INITIAL_WINDOW_SIZE':
        settings.initialWindowSize = value
        break
      case 'MAX_FRAME_SIZE':
        settings.maxFrameSize = value
        break
      case 'MAX_HEADER_LIST_SIZE':
        settings.maxHeaderListSize = value
        break
      case 'ENABLE_CONNECT_PROTOCOL':
        if (settings.enableConnectProtocol && value === 0) throw refuse('PROTOCOL_ERROR', 'RFC 8441 section 3')
        settings.enableConnectProtocol = value === 1
        break
      case 'NO_RFC7540_PRIORITIES':
        if (!isFirst && settings.noRfc7540Priorities !== (value === 1)) throw refuse('PROTOCOL_ERROR', 'RFC 9218 section 2.1')
        settings.noRfc7540Priorities = value === 1
    }
  }
  return settings
}
