# Turns migration files, given in order, into the C table of shared/service/migrations.h.
function quoted(line) {
    gsub(/\\/, "\\\\", line)
    gsub(/"/, "\\\"", line)
    return "    \"" line "\\n\""
}
BEGIN { print "#include \"service/migrations.h\"\n\nconst struct migration MIGRATIONS[] = {" }
FNR == 1 {
    if (count++)
        print "    },"
    name = FILENAME
    sub(/.*\//, "", name)
    sub(/\.sql$/, "", name)
    print "    { \"" name "\","
}
{ print quoted($0) }
END { print "    },\n};\nconst size_t MIGRATION_COUNT = " count ";" }
