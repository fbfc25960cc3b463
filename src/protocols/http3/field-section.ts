import { FieldSections } from '../http-field-section.ts'

/** Field sections of HTTP/3: RFC 9114 sections 4.2 and 4.3, extended CONNECT of RFC 9220. */
export const FIELD_SECTIONS = /* @__PURE__ */ new FieldSections({
  version: 'HTTP/3',
  characters: 'RFC 9114 section 4.2',
  connection: 'RFC 9114 section 4.2',
  pseudo: 'RFC 9114 section 4.3',
  request: 'RFC 9114 section 4.3.1',
  response: 'RFC 9114 section 4.3.2',
  connect: 'RFC 9114 section 4.4',
  extendedConnect: 'RFC 9220 section 3',
  upgrade: 'RFC 9114 section 4.5',
})
