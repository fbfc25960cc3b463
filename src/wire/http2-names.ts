/**
 * The code points of HTTP/2 (RFC 9113 sections 6, 6.5.2 and 7, with RFC 8441, RFC 9218 and their registries) and what they are called.
 */

export type Http2FrameType =
  | 'DATA'
  | 'HEADERS'
  | 'PRIORITY'
  | 'RST_STREAM'
  | 'SETTINGS'
  | 'PUSH_PROMISE'
  | 'PING'
  | 'GOAWAY'
  | 'WINDOW_UPDATE'
  | 'CONTINUATION'
  | 'PRIORITY_UPDATE'

/** By type, RFC 9113 section 6 and RFC 9218 section 7.1. */
export const HTTP2_FRAME_CODE: Readonly<Record<Http2FrameType, number>> = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
  PRIORITY_UPDATE: 0x10,
}

/** Flags of a frame's header; which of them mean something depends on the type. */
export const HTTP2_FLAG = { ACK: 0x1, END_STREAM: 0x1, END_HEADERS: 0x4, PADDED: 0x8, PRIORITY: 0x20 } as const

/** RFC 9113 section 7. */
export type Http2ErrorName =
  | 'NO_ERROR'
  | 'PROTOCOL_ERROR'
  | 'INTERNAL_ERROR'
  | 'FLOW_CONTROL_ERROR'
  | 'SETTINGS_TIMEOUT'
  | 'STREAM_CLOSED'
  | 'FRAME_SIZE_ERROR'
  | 'REFUSED_STREAM'
  | 'CANCEL'
  | 'COMPRESSION_ERROR'
  | 'CONNECT_ERROR'
  | 'ENHANCE_YOUR_CALM'
  | 'INADEQUATE_SECURITY'
  | 'HTTP_1_1_REQUIRED'

export const HTTP2_ERROR_CODE: Readonly<Record<Http2ErrorName, number>> = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
}

export type Http2SettingName =
  | 'HEADER_TABLE_SIZE'
  | 'ENABLE_PUSH'
  | 'MAX_CONCURRENT_STREAMS'
  | 'INITIAL_WINDOW_SIZE'
  | 'MAX_FRAME_SIZE'
  | 'MAX_HEADER_LIST_SIZE'
  | 'ENABLE_CONNECT_PROTOCOL'
  | 'NO_RFC7540_PRIORITIES'

/** RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1. */
export const HTTP2_SETTING_ID: Readonly<Record<Http2SettingName, number>> = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
  ENABLE_CONNECT_PROTOCOL: 0x8,
  NO_RFC7540_PRIORITIES: 0x9,
}

function namesByCode<Name extends string>(codes: Readonly<Record<Name, number>>): ReadonlyMap<number, Name> {
  return new Map((Object.entries(codes) as [Name, number][]).map(([name, code]) => [code, name]))
}

const FRAME_TYPES = /* @__PURE__ */ namesByCode(HTTP2_FRAME_CODE)
const ERROR_NAMES = /* @__PURE__ */ namesByCode(HTTP2_ERROR_CODE)
const SETTING_NAMES = /* @__PURE__ */ namesByCode(HTTP2_SETTING_ID)

/** What a frame's type is called; undefined: a type that is not known here, whose frames are ignored. */
export function http2FrameType(code: number): Http2FrameType | undefined {
  return FRAME_TYPES.get(code)
}

/** What an error code is called; undefined: one that is not known here. */
export function http2ErrorName(code: number): Http2ErrorName | undefined {
  return ERROR_NAMES.get(code)
}

/** What a setting is called; undefined: one that is not known here, and ignored. */
export function http2SettingName(id: number): Http2SettingName | undefined {
  return SETTING_NAMES.get(id)
}
