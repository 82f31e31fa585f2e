/** What a host reports of a call, as its caller takes it. */

import type { Json } from '../base/json.ts';
import type { FunctionResult, HostReport } from './messages.ts';

/** The result that a report stands for. */
export function resultOf(report: HostReport): FunctionResult {
  switch (report.kind) {
    case 'returned':
      return { kind: 'returned', value: JSON.parse(report.json) as Json, json: report.json };
    case 'never_settled':
      return { kind: 'host_ended', reason: 'never_settled', code: null, detail: null };
    default:
      return report;
  }
}
