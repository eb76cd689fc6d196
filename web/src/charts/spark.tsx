// A small line without axes: the shape of what was, beside a number that says the rest.
interface Props {
  values: (number | null)[];
  paint?: string;
  width?: number;
  height?: number;
}

export function Spark({ values, paint = "var(--accent)", width = 88, height = 22 }: Props) {
  const known = values.filter((value): value is number => value !== null);
  if (known.length < 2) {
    return <svg class="spark" width={width} height={height} aria-hidden="true" />;
  }
  const max = Math.max(...known, 0);
  const min = Math.min(...known, 0);
  const x = (index: number) => 1 + (index * (width - 2)) / (values.length - 1);
  const y = (value: number) => height - 2 - ((value - min) * (height - 4)) / (max - min || 1);
  let path = "";
  let pen = "M";
  values.forEach((value, index) => {
    if (value === null) {
      pen = "M";
      return;
    }
    path += `${pen}${x(index).toFixed(1)},${y(value).toFixed(1)}`;
    pen = "L";
  });
  return (
    <svg
      class="spark"
      width={width}
      height={height}
      viewBox={`0 0 ${width} ${height}`}
      aria-hidden="true"
    >
      <path d={path} fill="none" stroke={paint} stroke-width="1.5" stroke-linejoin="round" />
    </svg>
  );
}
