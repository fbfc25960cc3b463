import { http3SettingProblem } from '../../wire/http3-frame.ts'
import type { Http3Setting } from '../../wire/http3-frame.ts'
import { http3SettingName } from '../../wire/http3-names.ts'
import type { Http3SettingName } from '../../wire/http3-names.ts'
import { Violation, violation } from './fault.ts'
import type { Http3Limits, Http3Settings } from './options.ts'

/** What holds before an end has announced anything, and for what it leaves out (RFC 9114 section 7.2.4.2). */
export const INITIAL_SETTINGS: Http3Settings = {
  qpackMaxTableCapacity: 0,
  qpackBlockedStreams: 0,
  maxFieldSectionSize: Infinity,
  enableConnectProtocol: false,
  datagrams: false,
}

/** As Chromium announces. */
export const CLIENT_SETTINGS: Http3Settings = {
  ...INITIAL_SETTINGS,
  qpackMaxTableCapacity: 0x10000,
  qpackBlockedStreams: 100,
  maxFieldSectionSize: 0x40000,
}

export const SERVER_SETTINGS: Http3Settings = {
  ...INITIAL_SETTINGS,
  qpackMaxTableCapacity: 4096,
  qpackBlockedStreams: 16,
  maxFieldSectionSize: 0x10000,
}

export const DEFAULT_LIMITS: Http3Limits = {
  resets: { burst: 400, perSecond: 50 },
  emptyFrames: { burst: 400, perSecond: 50 },
  controlFrames: { burst: 1000, perSecond: 100 },
  fieldSection: 0x20000,
  unknownStreams: { burst: 200, perSecond: 10 },
  waitingInstructions: 0x10000,
}

/** Settings that differ from what holds anyway, as they are announced. Throws RangeError for values that there are not. */
export function settingsToAnnounce(settings: Http3Settings): (readonly [Http3SettingName, number])[] {
  const values: [Http3SettingName, number, number][] = [
    ['QPACK_MAX_TABLE_CAPACITY', settings.qpackMaxTableCapacity, 0],
    ['MAX_FIELD_SECTION_SIZE', settings.maxFieldSectionSize, Infinity],
    ['QPACK_BLOCKED_STREAMS', settings.qpackBlockedStreams, 0],
    ['ENABLE_CONNECT_PROTOCOL', Number(settings.enableConnectProtocol), 0],
    ['H3_DATAGRAM', Number(settings.datagrams), 0],
  ]
  const announced = values.filter(([, value, initial]) => value !== initial)
  for (const [name, value] of announced) {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 30) {
      throw new RangeError(`${String(value)} is not a value of ${name}`)
    }
  }
  return announced.map(([name, value]) => [name, value])
}

/** What the parameters of a SETTINGS frame say. Throws Violation. */
export function settingsOf(parameters: readonly Http3Setting[]): Http3Settings {
  const settings = { ...INITIAL_SETTINGS }
  const seen = new Set<number>()
  for (const parameter of parameters) {
    const { id, value } = parameter
    if (seen.has(id)) throw violation('H3_SETTINGS_ERROR', `the setting 0x${id.toString(16)} stands there twice`, '7.2.4')
    seen.add(id)
    const problem = http3SettingProblem(parameter)
    if (problem) throw new Violation(undefined, 'H3_SETTINGS_ERROR', problem.detail, problem.cites)
    switch (http3SettingName(id)) {
      case 'QPACK_MAX_TABLE_CAPACITY':
        settings.qpackMaxTableCapacity = value
        break
      case 'MAX_FIELD_SECTION_SIZE':
        settings.maxFieldSectionSize = value
        break
      case 'QPACK_BLOCKED_STREAMS':
        settings.qpackBlockedStreams = value
        break
      case 'ENABLE_CONNECT_PROTOCOL':
        settings.enableConnectProtocol = value === 1
        break
      case 'H3_DATAGRAM':
        settings.datagrams = value === 1
        break
      case undefined:
      // RFC 9114 section 7.2.4: what is not known is ignored.
    }
  }
  return settings
}

/**
 * Whether a server that has accepted 0-RTT requests keeps to what they relied on (RFC 9114 section 7.2.4.2, RFC 9204 section 3.2.3).
 * Throws Violation.
 */
export function checkAgainstRemembered(settings: Http3Settings, remembered: Http3Settings): void {
  const table = remembered.qpackMaxTableCapacity
  if (table !== 0 && settings.qpackMaxTableCapacity !== table) {
    const detail = 'the server accepted 0-RTT requests, and grants another table than before'
    throw new Violation(undefined, 'QPACK_DECODER_STREAM_ERROR', detail, 'RFC 9204 section 3.2.3')
  }
  const isReduced =
    settings.qpackBlockedStreams < remembered.qpackBlockedStreams ||
    settings.maxFieldSectionSize < remembered.maxFieldSectionSize ||
    Number(settings.enableConnectProtocol) < Number(remembered.enableConnectProtocol) ||
    Number(settings.datagrams) < Number(remembered.datagrams)
  if (isReduced) {
    throw violation('H3_SETTINGS_ERROR', 'the server accepted 0-RTT requests, and takes less than before', '7.2.4.2')
  }
}
