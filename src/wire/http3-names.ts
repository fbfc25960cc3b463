/**
 * The code points of HTTP/3 (RFC 9114 sections 6.2, 7.2, 7.2.4.1 and 8.1), of QPACK (RFC 9204 sections 4.2, 5 and 6), and what RFC 9218,
 * RFC 9220 and RFC 9297 add to their registries; and what they are called.
 */

export type Http3FrameType =
  | 'DATA'
  | 'HEADERS'
  | 'CANCEL_PUSH'
  | 'SETTINGS'
  | 'PUSH_PROMISE'
  | 'GOAWAY'
  | 'MAX_PUSH_ID'
  | 'PRIORITY_UPDATE'
  | 'PRIORITY_UPDATE (push)'

/** RFC 9114 section 7.2, RFC 9218 section 7.2. */
export const HTTP3_FRAME_CODE: Readonly<Record<Http3FrameType, number>> = {
  DATA: 0x0,
  HEADERS: 0x1,
  CANCEL_PUSH: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  GOAWAY: 0x7,
  MAX_PUSH_ID: 0xd,
  PRIORITY_UPDATE: 0xf0700,
  'PRIORITY_UPDATE (push)': 0xf0701,
}

/** What a unidirectional stream is for (RFC 9114 section 6.2, RFC 9204 section 4.2). */
export type Http3StreamType = 'control' | 'push' | 'QPACK encoder' | 'QPACK decoder'

export const HTTP3_STREAM_CODE: Readonly<Record<Http3StreamType, number>> = {
  control: 0x0,
  push: 0x1,
  'QPACK encoder': 0x2,
  'QPACK decoder': 0x3,
}

export type Http3SettingName =
  'QPACK_MAX_TABLE_CAPACITY' | 'MAX_FIELD_SECTION_SIZE' | 'QPACK_BLOCKED_STREAMS' | 'ENABLE_CONNECT_PROTOCOL' | 'H3_DATAGRAM'

/** RFC 9114 section 7.2.4.1, RFC 9204 section 5, RFC 9220 section 5, RFC 9297 section 2.1.1. */
export const HTTP3_SETTING_ID: Readonly<Record<Http3SettingName, number>> = {
  QPACK_MAX_TABLE_CAPACITY: 0x1,
  MAX_FIELD_SECTION_SIZE: 0x6,
  QPACK_BLOCKED_STREAMS: 0x7,
  ENABLE_CONNECT_PROTOCOL: 0x8,
  H3_DATAGRAM: 0x33,
}

export type Http3ErrorName =
  | 'H3_DATAGRAM_ERROR'
  | 'H3_NO_ERROR'
  | 'H3_GENERAL_PROTOCOL_ERROR'
  | 'H3_INTERNAL_ERROR'
  | 'H3_STREAM_CREATION_ERROR'
  | 'H3_CLOSED_CRITICAL_STREAM'
  | 'H3_FRAME_UNEXPECTED'
  | 'H3_FRAME_ERROR'
  | 'H3_EXCESSIVE_LOAD'
  | 'H3_ID_ERROR'
  | 'H3_SETTINGS_ERROR'
  | 'H3_MISSING_SETTINGS'
  | 'H3_REQUEST_REJECTED'
  | 'H3_REQUEST_CANCELLED'
  | 'H3_REQUEST_INCOMPLETE'
  | 'H3_MESSAGE_ERROR'
  | 'H3_CONNECT_ERROR'
  | 'H3_VERSION_FALLBACK'
  | 'QPACK_DECOMPRESSION_FAILED'
  | 'QPACK_ENCODER_STREAM_ERROR'
  | 'QPACK_DECODER_STREAM_ERROR'

/** RFC 9114 section 8.1, RFC 9204 section 6, RFC 9297 section 5.2. */
export const HTTP3_ERROR_CODE: Readonly<Record<Http3ErrorName, number>> = {
  H3_DATAGRAM_ERROR: 0x33,
  H3_NO_ERROR: 0x100,
  H3_GENERAL_PROTOCOL_ERROR: 0x101,
  H3_INTERNAL_ERROR: 0x102,
  H3_STREAM_CREATION_ERROR: 0x103,
  H3_CLOSED_CRITICAL_STREAM: 0x104,
  H3_FRAME_UNEXPECTED: 0x105,
  H3_FRAME_ERROR: 0x106,
  H3_EXCESSIVE_LOAD: 0x107,
  H3_ID_ERROR: 0x108,
  H3_SETTINGS_ERROR: 0x109,
  H3_MISSING_SETTINGS: 0x10a,
  H3_REQUEST_REJECTED: 0x10b,
  H3_REQUEST_CANCELLED: 0x10c,
  H3_REQUEST_INCOMPLETE: 0x10d,
  H3_MESSAGE_ERROR: 0x10e,
  H3_CONNECT_ERROR: 0x10f,
  H3_VERSION_FALLBACK: 0x110,
  QPACK_DECOMPRESSION_FAILED: 0x200,
  QPACK_ENCODER_STREAM_ERROR: 0x201,
  QPACK_DECODER_STREAM_ERROR: 0x202,
}

function namesByCode<Name extends string>(codes: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  return new Map((Object.entries(codes) as [Name, number][]).map(([name, code]) => [code, name]))
}

const FRAME_TYPES = /* @__PURE__ */ namesByCode(HTTP3_FRAME_CODE)
const STREAM_TYPES = /* @__PURE__ */ namesByCode(HTTP3_STREAM_CODE)
const SETTING_NAMES = /* @__PURE__ */ namesByCode(HTTP3_SETTING_ID)
const ERROR_NAMES = /* @__PURE__ */ namesByCode(HTTP3_ERROR_CODE)

/** What a frame's type is called; undefined: one that is not known here, whose frames are ignored. */
export function http3FrameType(code: number): Http3FrameType | undefined {
  return FRAME_TYPES.get(code)
}

/** What a unidirectional stream is for; undefined: a type that is not known here, whose streams are not read. */
export function http3StreamType(code: number): Http3StreamType | undefined {
  return STREAM_TYPES.get(code)
}

/** What a setting is called; undefined: one that is not known here, and ignored. */
export function http3SettingName(id: number): Http3SettingName | undefined {
  return SETTING_NAMES.get(id)
}

/** What an error code is called; undefined: one that is not known here, and counts as H3_NO_ERROR (RFC 9114 section 9). */
export function http3ErrorName(code: number): Http3ErrorName | undefined {
  return ERROR_NAMES.get(code)
}

/** Whether a code point of any of these registries is one that only keeps others able to bear unknown ones: 0x1f * N + 0x21. */
export function isHttp3Reserved(code: number): boolean {
  return code >= 0x21 && (code - 0x21) % 0x1f === 0
}
