/** `hour()`, `day_of_month()` and so on, in UTC. */

export type CalendarField =
  | "days_in_month"
  | "day_of_month"
  | "day_of_week"
  | "day_of_year"
  | "hour"
  | "minute"
  | "month"
  | "year";

const SECONDS_PER_DAY = 86_400;

/** What NaN and numbers beyond int64 are to Go, on the usual machines: the least int64, a Sunday. */
const OUT_OF_RANGE: Record<CalendarField, number> = {
  days_in_month: 31,
  day_of_month: 4,
  day_of_week: 0,
  day_of_year: 339,
  hour: 15,
  minute: 30,
  month: 12,
  year: 292_277_026_596,
};

/** A field of the date at a number of seconds since the epoch, fractions cut off. */
export function calendarField(field: CalendarField, value: number): number {
  const seconds = Math.trunc(value);
  if (!(Math.abs(seconds) < 2 ** 63)) return OUT_OF_RANGE[field];
  const days = Math.floor(seconds / SECONDS_PER_DAY);
  const secondOfDay = seconds - days * SECONDS_PER_DAY;
  switch (field) {
    case "hour":
      return Math.floor(secondOfDay / 3600);
    case "minute":
      return Math.floor((secondOfDay % 3600) / 60);
    case "day_of_week":
      return (((days + 4) % 7) + 7) % 7;
  }
  const { year, month, day } = civilDate(days);
  switch (field) {
    case "year":
      return year;
    case "month":
      return month;
    case "day_of_month":
      return day;
    case "day_of_year":
      return days - dayNumber(year, 1, 1) + 1;
    case "days_in_month":
      return daysInMonth(year, month);
  }
}

const DAYS_PER_ERA = 146_097;
const YEARS_PER_ERA = 400;
/** From 0000-03-01 to 1970-01-01. */
const DAYS_TO_EPOCH = 719_468;

/** The proleptic Gregorian date of a day, counted from 1970-01-01, for any year (`Date` ends in 275760). */
function civilDate(days: number): { year: number; month: number; day: number } {
  const shifted = days + DAYS_TO_EPOCH;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return { year: yearOfEra + era * YEARS_PER_ERA + (month <= 2 ? 1 : 0), month, day };
}

function dayNumber(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / YEARS_PER_ERA);
  const yearOfEra = y - era * YEARS_PER_ERA;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - DAYS_TO_EPOCH;
}

function daysInMonth(year: number, month: number): number {
  return month === 12 ? 31 : dayNumber(year, month + 1, 1) - dayNumber(year, month, 1);
}
