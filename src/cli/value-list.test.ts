import { describe, expect, it } from "vitest";
import { parseList } from "./value-list.js";

describe("parseList", () => {
  it.each([
    ["4", "4"],
    ["1,2,4..64", "1 2 4 8 16 32 64"],
    ["4..60", "4 8 16 32"],
    ["3..3", "3"],
    ["10..60+10", "10 20 30 40 50 60"],
    ["1,10..35+10, 40", "1 10 20 30 40"],
    ["0..1+0.1", "0 0.1 0.2 0.3 0.4 0.5 0.6 0.7 0.8 0.9 1"],
    ["0,50%,100%", "0 50% 100%"],
    ["12.5%..100%", "12.5% 25% 50% 100%"],
    ["0%..30%+10%", "0% 10% 20% 30%"],
    ["512M..2G", "512M 1G 2G"],
    ["1G..2G+512M", "1G 1536M 2G"],
    ["hugetlb,thp", "hugetlb thp"],
  ])("%s is %s", (text, values) => {
    expect(parseList("--x", text).join(" ")).toBe(values);
  });

  it.each([
    ["", /--x: expected values with commas/],
    ["1,,2", /--x: expected values with commas/],
    ["1,2,2", /--x: 2 comes twice/],
    ["2,1..4", /--x: 2 comes twice/],
    ["4..2", /4\.\.2: ends before it begins/],
    ["0..4", /0 doubled is 0/],
    ["1..4+0", /a step of 0/],
    ["1..", /not a range/],
    ["1..x", /not a range/],
    ["1..50%", /both ends are not of one kind/],
    ["1G..4G+1", /both ends are not of one kind/],
    ["1..1000000+1", /more than 10000 values/],
    ["-4..4", /not a range/],
  ])("%j is refused", (text, message) => {
    expect(() => parseList("--x", text)).toThrow(message);
  });
});
