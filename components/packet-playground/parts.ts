// Everything that stands inside a playground. Loaded apart from it, once one comes near the viewport.
import '../packet-chart/define.ts'
import '../packet-claims/define.ts'
import '../packet-crowd/define.ts'
import '../packet-events/define.ts'
import '../packet-faults/define.ts'
import '../packet-inspector/define.ts'
import '../packet-knobs/define.ts'
import '../packet-lanes/define.ts'
import '../packet-lesson/define.ts'
import '../packet-ring/define.ts'
import '../packet-stage/define.ts'
import '../packet-transport/define.ts'
import '../packet-waterfall/define.ts'
import { CaptureMenu } from './capture-menu.ts'
import { RunScope } from './run-scope.ts'

if (customElements.get('packet-capture-menu') === undefined) customElements.define('packet-capture-menu', CaptureMenu)
if (customElements.get('packet-run-scope') === undefined) customElements.define('packet-run-scope', RunScope)

declare global {
  interface HTMLElementTagNameMap {
    'packet-capture-menu': CaptureMenu
    'packet-run-scope': RunScope
  }
}
