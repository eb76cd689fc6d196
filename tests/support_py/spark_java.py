"""Options for the Java of a Spark that lives as long as a test: one small machine, where no code is
worth the better compiler, nor a collector that works beside. Java's own guess of how much code and
how many classes there will be is too low for Spark, which it then collects and makes again."""

OPTIONS = (
    "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:ReservedCodeCacheSize=240m"
    " -XX:MetaspaceSize=256m"
)
DRIVER_OPTIONS = OPTIONS + " -Xmn256m"  # of at least 1 GB, Spark's default
