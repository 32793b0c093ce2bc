# grow_partition DISK: writes into the disk's partition table that its first partition reaches to the end. Sets `wanted`,
# the partition's new length in sectors; fails if it has that length already.
# The table is an MBR; the first entry's length lies at byte 458, in sectors, little-endian.
grow_partition() {
  sys=/sys/class/block/${1#/dev/}
  read -r sectors <"$sys/size"
  read -r start <"$sys/${1#/dev/}1/start"
  read -r length <"$sys/${1#/dev/}1/size"
  wanted=$((sectors - start))
  [ $wanted -gt 4294967295 ] && wanted=4294967295
  [ $wanted -gt "$length" ] || return 1
  echo "micro: root partition grows from $((length / 2048)) to $((wanted / 2048)) MiB"
  bytes=
  for shift in 0 8 16 24; do
    bytes="$bytes\\$(printf %03o $((wanted >> shift & 255)))"
  done
  printf "$bytes" | dd of="$1" bs=1 seek=458 conv=notrunc 2>/dev/null
}
