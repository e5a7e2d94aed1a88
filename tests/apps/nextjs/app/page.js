export default function Page() {
  return <p>version 1</p>;
}
