import { PacketClaims } from './packet-claims.ts'

if (customElements.get('packet-claims') === undefined) customElements.define('packet-claims', PacketClaims)

declare global {
  interface HTMLElementTagNameMap {
    'packet-claims': PacketClaims
  }
}
