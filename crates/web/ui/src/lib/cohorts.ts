import type { Schemas } from '../api/client';
import { daysBetween } from './time';

export interface CohortRow {
  label: string;
  sum: number;
  shares: number[];
}

/** The rows of the grid: weeks that have not begun yet are left out, which the API has as zeros. */
export function cohortRows(cohorts: Schemas['Cohort'][], today: string): CohortRow[] {
  return cohorts.map(cohort => {
    const average = cohort.cohort_interval === 'Weighted Average';
    const weeks = average ? oldest(cohorts, today) : weeksSince(cohort.cohort_interval, today);
    return {
      label: average ? 'All' : cohort.cohort_interval,
      sum: average ? cohorts.reduce((sum, one) => sum + (one === cohort ? 0 : one.sum), 0) : cohort.sum,
      shares: cohort.percentages.slice(0, weeks + 1),
    };
  });
}

const weeksSince = (monday: string, today: string): number => Math.max(0, Math.floor(daysBetween(monday, today) / 7));
const oldest = (cohorts: Schemas['Cohort'][], today: string): number =>
  Math.max(0, ...cohorts.filter(one => one.cohort_interval !== 'Weighted Average').map(one => weeksSince(one.cohort_interval, today)));
