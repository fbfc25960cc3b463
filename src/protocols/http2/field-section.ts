import { FieldSections } from '../http-field-section.ts'

/** Field sections of HTTP/2: RFC 9113 sections 8.2 and 8.3, extended CONNECT of RFC 8441 section 4. */
export const FIELD_SECTIONS = /* @__PURE__ */ new FieldSections({
  version: 'HTTP/2',
  characters: 'RFC 9113 section 8.2.1',
  connection: 'RFC 9113 section 8.2.2',
  pseudo: 'RFC 9113 section 8.3',
  request: 'RFC 9113 section 8.3.1',
  response: 'RFC 9113 section 8.3.2',
  connect: 'RFC 9113 section 8.5',
  extendedConnect: 'RFC 8441 section 4',
  upgrade: 'RFC 9113 section 8.6',
})
